# What the job scripts share; they source it after their block. Nothing to edit here.
# shellcheck shell=bash disable=SC2034,SC2154

export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
export SLURM_WAIT=60                          # srun ends the rest 60 s after a rank was killed: pmi2 alone never would
export OMPI_MCA_odls_base_sigkill_timeout=5   # mpirun lets ranks write for 5 s after scancel, not 1 (but always waits)
job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
job=${job:-$SLURM_JOB_ID}
life=$((${SLURM_RESTART_COUNT:-0} + 1))
if [ -z "${SLURM_JOB_END_TIME:-}" ]; then     # older SLURMs do not say; copympi stops in time
    ends=$(squeue --noheader --jobs "$job" --Format EndTime 2>/dev/null | tr -d ' ')
    if [ -n "$ends" ]; then                   # to date no word at all is today's midnight
        SLURM_JOB_END_TIME=$(date --date "$ends" +%s 2>/dev/null) && export SLURM_JOB_END_TIME
    fi
fi

say() { echo "$(date '+%F %T') job $job, life $life: $*"; }

# Run copympi to its end; $code is its exit code. Signals to this script reach all ranks as SIGUSR1, which every
# launcher hands on: a clean stop. A launcher that was killed before copympi had begun gets a second chance: after a
# node's crash SLURM's leftovers of the old step can be in the way of a new one of the same number.
run_copympi() {
    local stop='' before
    before=$(attempts)
    launch
    if [ "$code" -gt 128 ] && [ -z "$stop" ] && [ "$(attempts)" = "$before" ]; then
        say "the launcher ended with $code before copympi had begun; once more"
        launch
    fi
    trap '' USR1 TERM
    if [ "$code" -gt 128 ] && [ -n "$stop" ]; then code=3; fi   # before copympi could listen, say
    if [ "$code" = 3 ] && user_stopped; then
        say "stopped by $OUTPUT/STOP, which is now $OUTPUT/stopped; submit again to go on"
        code=0
    fi
}

# Whether the last stop was a user's wish: copympi leaves STOP behind as "stopped", until it is started again.
user_stopped() { [ -e "$OUTPUT/stopped" ] || [ -e "$OUTPUT/STOP" ]; }

# What there is of earlier starts: another word once copympi has begun. A sweep has files of results in place of attempts.
attempts() {
    if [ "${COMMAND:-run}" = sweep ]; then
        find "$OUTPUT/batches" -name '*.h5' 2>/dev/null | wc -l
    else
        (cd "$OUTPUT/checkpoints" 2>/dev/null && echo attempt-*)
    fi
}

launch() {
    local step command=${COMMAND:-run}
    say "$(hostname), ${SLURM_JOB_NODELIST:-}: ${LAUNCHER[*]} copympi $command $CONFIG -o $OUTPUT --resume ${OPTIONS[*]}"
    "${LAUNCHER[@]}" copympi "$command" "$CONFIG" -o "$OUTPUT" --resume "${OPTIONS[@]}" &
    step=$!
    trap 'stop=1; say "asked to stop"; kill -USR1 "$step" 2>/dev/null' USR1 TERM
    while kill -0 "$step" 2>/dev/null; do wait "$step"; done
    wait "$step"
    code=$?
    if [ "$code" = 0 ] && ! copympi info "$OUTPUT" 2>/dev/null | grep -q ': complete'; then
        code=255   # srun can say 0 of a step that it could not launch
    fi
}

# Whether every node of the job still answers; of one node alone this script is the proof.
nodes_answer() {
    [ "${SLURM_NNODES:-1}" = 1 ] && return
    SLURM_WAIT=0 timeout -s KILL 60 srun --overlap --mpi=none --nodes="$SLURM_NNODES" --ntasks="$SLURM_NNODES" \
        --ntasks-per-node=1 true 2>/dev/null
}

# Whether the work is to go on in another life or link; says what happened. Needs $code.
to_go_on() {
    case $code in
    0) user_stopped || say "done: $OUTPUT"; return 1 ;;
    2) say "stopped: bad input, see the line above"; return 1 ;;
    3) return 0 ;;
    esac
    nodes_answer && { say "stopped: copympi ended with $code; its own words stand above"; return 1; }
    say "a node does not answer: going on elsewhere"
}

# Back into the queue, until the run is done; but not after scancel, and not from a life that SLURM has given up.
requeue_until_done() {
    local now
    to_go_on || exit "$code"
    now=$(timeout -s KILL 60 scontrol show job "$job")
    case $now in
    *"Restarts=$((life - 1)) "*) ;;
    *) say "SLURM has taken this life away: nothing to do"; exit 1 ;;
    esac
    case $now in
    *JobState=RUNNING*) ;;
    *) if [ "$(date +%s)" -lt $((${SLURM_JOB_END_TIME:-9999999999} - 5)) ]; then
        say "cancelled: submit again to go on"
        exit 3
    fi ;;
    esac
    [ "$life" -ge "$LIVES" ] && { say "stopped: $LIVES lives are over (LIVES); submit again to go on"; exit 3; }
    say "back into the queue"
    scontrol requeue "$job" || { say "not requeued: not allowed here? see chain.sbatch"; exit 3; }
}
