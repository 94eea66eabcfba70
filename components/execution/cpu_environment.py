"""What makes torch fast on CPUs: variables read when a process starts. The user's own win."""

ENVIRONMENT = {
    # By default, waiting threads spin, which makes training ten times slower when the CPUs are
    # shared; without spinning it is a fifth slower when they are not. So they spin briefly.
    "GOMP_SPINCOUNT": "5000",
    # glibc returns freed large blocks to the system, but each training step allocates them again:
    # a fifth of its time went into page faults.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
}
