/* SPDX-License-Identifier: MIT
 *
 * One program per port: takes a device exclusively, and names whoever has it.
 *
 * The lock is flock() on the descriptor: it stops root too, other programs
 * use it (picocom, tio, pyserial), and it dies with its owner. TIOCEXCL is
 * added where nobody else keeps the device open; it stops programs without
 * privileges that take no lock. Lock files of minicom and its like are
 * honoured, none is written. Nothing here opens a device.
 */
#ifndef ATTEST_PORT_LOCK_H
#define ATTEST_PORT_LOCK_H

#include "port.h"

#include <sys/types.h>

/* Who holds a device; pid 0: nobody, or nobody we may see. */
struct port_holder {
    const char *path; /* of the device; borrowed, set by the caller */
    pid_t pid;
    char name[32]; /* "" when unknown */
};

/* Before an open. UV_EBUSY, and who it is, when a lock file names a process
   that lives; else 0. */
int port_lock_check(const char *path, struct port_reason *why);

/* Takes the open device. 0, or UV_EBUSY and who holds it. Closing the
   descriptor gives the lock back. */
int port_lock_take(int fd, const char *path, struct port_reason *why);

/* Adds TIOCEXCL to the lock, after the last open of the device that is ours;
   takes it away again before the close. */
void port_lock_seal(int fd);
void port_lock_unseal(int fd);

/* Fills `why` with "held by NAME (pid N)", as far as it can be known. */
void port_lock_explain(const char *path, struct port_reason *why);

/* Finds who holds or has open each of `count` devices, in one pass over
   /proc: owners of locks first, then whoever has the device open. */
void port_lock_find(struct port_holder *holders, size_t count);

/* The live process named by the UUCP lock file of `path` in `directory`, or
   0. Our own counts as none. */
pid_t port_lock_file_owner(const char *directory, const char *path);

#endif
