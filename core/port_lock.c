/* SPDX-License-Identifier: MIT
 *
 * Exclusive use of a device and the search for its holder. See port_lock.h.
 */
#include "port_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "port_line.h"

#define LOCK_DIRECTORY "/var/lock"

static void name_process(struct port_holder *h)
{
    char path[64];
    FILE *f;

    h->name[0] = '\0';
    snprintf(path, sizeof path, "/proc/%ld/comm", (long)h->pid);
    f = fopen(path, "re");
    if (f == NULL)
        return;
    if (fgets(h->name, sizeof h->name, f) != NULL)
        h->name[strcspn(h->name, "\n")] = '\0';
    fclose(f);
}

static void set_holder(struct port_holder *h, pid_t pid)
{
    h->pid = pid;
    name_process(h);
}

/* ------------------------------------------------------ UUCP lock files */

static bool is_alive(pid_t pid)
{
    return kill(pid, 0) == 0 || errno == EPERM;
}

/* The file holds the pid as text ("%10d\n"), or as a binary int, whose bytes
   may begin like a text. */
static long parse_pid(const char *text, size_t length)
{
    int binary;

    if (strspn(text, "0123456789 \n") == length)
        return strtol(text, NULL, 10);
    if (length != sizeof binary)
        return 0;
    memcpy(&binary, text, sizeof binary);
    return binary;
}

static pid_t read_pid(const char *path)
{
    char text[32];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    long pid = parse_pid(text, (size_t)n);
    return pid > 0 && pid <= INT_MAX ? (pid_t)pid : 0;
}

pid_t port_lock_file_owner(const char *directory, const char *path)
{
    char file[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;

    int n = snprintf(file, sizeof file, "%s/LCK..%s", directory, name);
    if (n < 0 || (size_t)n >= sizeof file)
        return 0;
    pid_t pid = read_pid(file);
    if (pid == 0 || pid == getpid() || !is_alive(pid))
        return 0;
    return pid;
}

/* Lock files are named after the device, not after a link to it. PTYs share
   their last part with nothing else ("/dev/pts/3" would be "3"). */
static pid_t lock_file_owner(const char *path)
{
    char *real = realpath(path, NULL);
    pid_t pid = 0;

    if (real != NULL && strncmp(real, "/dev/pts/", 9) != 0)
        pid = port_lock_file_owner(LOCK_DIRECTORY, real);
    free(real);
    return pid;
}

/* ------------------------------------------------------------ /proc scan */

/* The identity of each device searched for. */
struct target {
    struct port_holder *holder;
    dev_t device; /* of the device itself */
    dev_t fs;     /* of its inode, for /proc/locks */
    ino_t inode;
};

struct search {
    struct target *targets;
    size_t count;
};

static void add_target(struct search *s, struct port_holder *h)
{
    struct stat st;

    h->pid = 0;
    h->name[0] = '\0';
    if (stat(h->path, &st) < 0 || !S_ISCHR(st.st_mode))
        return;
    s->targets[s->count++] = (struct target){
        .holder = h,
        .device = st.st_rdev,
        .fs = st.st_dev,
        .inode = st.st_ino,
    };
}

static void search_lock_files(struct search *s)
{
    for (size_t i = 0; i < s->count; i++) {
        struct port_holder *h = s->targets[i].holder;
        pid_t pid = lock_file_owner(h->path);
        if (pid != 0)
            set_holder(h, pid);
    }
}

/* A line of /proc/locks: "1: FLOCK  ADVISORY  WRITE 6640 00:1a:3 0 EOF". */
static void match_lock(struct search *s, const char *line)
{
    long pid;
    unsigned fs_major, fs_minor;
    unsigned long inode;

    if (sscanf(line, "%*u: FLOCK %*s %*s %ld %x:%x:%lu", &pid, &fs_major,
               &fs_minor, &inode) != 4)
        return;
    for (size_t i = 0; i < s->count; i++) {
        const struct target *t = &s->targets[i];
        if (t->holder->pid == 0 && pid > 0 && is_alive((pid_t)pid) &&
            t->fs == makedev(fs_major, fs_minor) && t->inode == inode)
            set_holder(t->holder, (pid_t)pid);
    }
}

static void search_locks(struct search *s)
{
    char line[256];
    FILE *f = fopen("/proc/locks", "re");

    if (f == NULL)
        return;
    while (fgets(line, sizeof line, f) != NULL)
        match_lock(s, line);
    fclose(f);
}

static void match_descriptor(struct search *s, int directory, const char *name,
                             pid_t pid)
{
    char link[PATH_MAX];
    struct stat st;
    ssize_t n = readlinkat(directory, name, link, sizeof link);

    /* The stat is only worth its time below /dev; it opens nothing. */
    if (n < 5 || strncmp(link, "/dev/", 5) != 0)
        return;
    if (fstatat(directory, name, &st, 0) < 0 || !S_ISCHR(st.st_mode))
        return;
    for (size_t i = 0; i < s->count; i++)
        if (s->targets[i].holder->pid == 0 &&
            s->targets[i].device == st.st_rdev)
            set_holder(s->targets[i].holder, pid);
}

static void search_process(struct search *s, const char *pid)
{
    char path[64];
    struct dirent *entry;

    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    DIR *d = opendir(path);
    if (d == NULL) /* somebody else's, or just ended */
        return;
    while ((entry = readdir(d)) != NULL)
        if (entry->d_name[0] != '.')
            match_descriptor(s, dirfd(d), entry->d_name,
                             (pid_t)strtol(pid, NULL, 10));
    closedir(d);
}

static void search_descriptors(struct search *s)
{
    struct dirent *entry;
    DIR *d = opendir("/proc");

    if (d == NULL)
        return;
    while ((entry = readdir(d)) != NULL)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            search_process(s, entry->d_name);
    closedir(d);
}

void port_lock_find(struct port_holder *holders, size_t count)
{
    struct search s = {calloc(count, sizeof *s.targets), 0};

    if (s.targets == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        add_target(&s, &holders[i]);
    if (s.count > 0) {
        search_lock_files(&s);
        search_locks(&s);
        search_descriptors(&s);
    }
    free(s.targets);
}

/* ---------------------------------------------------------- for opening */

static void explain(const struct port_holder *h, struct port_reason *why)
{
    if (h->pid == 0)
        snprintf(why->text, sizeof why->text, "held by another program");
    else if (h->name[0] == '\0')
        snprintf(why->text, sizeof why->text, "held by pid %ld", (long)h->pid);
    else
        snprintf(why->text, sizeof why->text, "held by %s (pid %ld)", h->name,
                 (long)h->pid);
}

void port_lock_explain(const char *path, struct port_reason *why)
{
    struct port_holder h = {.path = path};

    port_lock_find(&h, 1);
    explain(&h, why);
}

int port_lock_check(const char *path, struct port_reason *why)
{
    struct port_holder h = {.path = path};
    pid_t pid = lock_file_owner(path);

    if (pid == 0)
        return 0;
    set_holder(&h, pid);
    explain(&h, why);
    return UV_EBUSY;
}

int port_lock_take(int fd, const char *path, struct port_reason *why)
{
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return uv_translate_sys_error(errno);
        port_lock_explain(path, why);
        return UV_EBUSY;
    }
    return 0;
}

/* Not on a PTY: the simulated module holds the far end open, so the flag
   would outlive a client that was killed. */
void port_lock_seal(int fd)
{
    if (!port_line_is_pty(fd))
        port_line_set_exclusive(fd, true);
}

void port_lock_unseal(int fd)
{
    if (!port_line_is_pty(fd))
        port_line_set_exclusive(fd, false);
}
