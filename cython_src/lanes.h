/* Multinomials of several sources side by side: each of a source's binomials waits for the one before, but sources do
   not wait for each other, if their numbers come from streams of their own. */
#pragma once
#include "draws.h"

enum { LANES = 4, LANE_CHANNELS = 64, MANY_LEAVERS = 20 }; /* for each open channel, from which on a source has a lane */

typedef struct {
    Stream stream;
    const double *chance; /* of each channel */
    int64_t *leave;       /* drawn */
    int64_t rest;         /* leavers who have no channel yet, */
    double total;         /* and the sum of the chances of those that are left */
    int64_t open;         /* channels with a chance above 0, and which they are */
    uint8_t place[LANE_CHANNELS];
} Lane;

/* Whether the leavers of a source are so many that it should have a lane; then all of it is set but the stream. */
static inline int set_lane(Lane *l, const double *chance, int64_t channels, double total, int64_t leavers,
                           int64_t *leave) {
    if (channels > LANE_CHANNELS || leavers <= MANY_LEAVERS)
        return 0;
    l->open = 0;
    for (int64_t e = 0; e < channels - 1; e++) {
        l->place[l->open] = (uint8_t)e;
        l->open += chance[e] > 0.0;
        leave[e] = 0;
    }
    leave[channels - 1] = 0;
    if (chance[channels - 1] > 0.0)
        l->place[l->open++] = (uint8_t)(channels - 1);
    l->chance = chance;
    l->leave = leave;
    l->rest = leavers;
    l->total = total;
    return leavers > MANY_LEAVERS * l->open;
}

/* How many leave by each channel, for up to LANES sources. */
static inline void run_lanes(Lane *lane, int lanes) {
    int64_t most = 0;
    for (int i = 0; i < lanes; i++)
        most = lane[i].open > most ? lane[i].open : most;
    for (int64_t k = 0; k < most - 1; k++)
        for (int i = 0; i < lanes; i++) {
            Lane *l = lane + i;
            if (k >= l->open - 1)
                continue;
            const int at = l->place[k];
            const int64_t taken = draw_binomial(&l->stream, l->rest, l->chance[at] / l->total);
            l->leave[at] = taken;
            l->rest -= taken;
            l->total -= l->chance[at];
        }
    for (int i = 0; i < lanes; i++)
        lane[i].leave[lane[i].place[lane[i].open - 1]] = lane[i].rest;
}
