# cython: language_level=3
"""A watch that ends this process where nothing goes on, even while a library keeps Python's lock."""

cdef extern from "watch.h" nogil:
    ctypedef struct CWatch "Watch":
        pass
    CWatch *watch_start(double patience, int rank)
    void watch_beat(CWatch *watch)
    void watch_stop(CWatch *watch)


cdef class Watch:
    """Ends this process, with one line and exit code 1, `patience` seconds after the last beat.

    Time in which the process was suspended does not count. Raises ValueError for a patience that is not positive,
    MemoryError where there can be no thread.
    """

    cdef CWatch *watch

    def __cinit__(self, double patience, int rank):
        if not 0.0 < patience < 1e15:
            raise ValueError("patience: must be positive and finite")
        self.watch = watch_start(patience, rank)
        if self.watch == NULL:
            raise MemoryError("no thread for the watch")

    def beat(self):
        """Something has gone on."""
        if self.watch != NULL:
            watch_beat(self.watch)

    def stop(self):
        """Nobody need watch any more."""
        if self.watch != NULL:
            watch_stop(self.watch)
        self.watch = NULL

    def __dealloc__(self):
        self.stop()
