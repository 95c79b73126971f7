/* SPDX-License-Identifier: MIT
 *
 * Runs one client against a responder of its own and prints what it took.
 *
 *     measure RESPONDER PORTS CLIENT [ARGUMENT...]
 *
 * The client finds the paths in BENCH_PORTS, and in `@1` among its arguments.
 * It prints "mark NAME [UNITS]" and waits for a line on its standard input;
 * meanwhile it is measured from outside, alike in every language: CPU time
 * from its process clock, memory from smaps_rollup. For each mark, for the
 * first line that is none, and for the exit, a line comes out, times in us
 * since the start:
 *
 *     NAME UNITS arrived_us resumed_us cpu_us pss_kb
 *
 * pss_kb is -1 where the process has ended already.
 * An interval is from one mark's `resumed` to the next one's `arrived`.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct child {
    pid_t pid;
    FILE *from;
    FILE *to;
};

static void fail(const char *what)
{
    fprintf(stderr, "measure: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t micros(clockid_t clock)
{
    struct timespec t = {0, 0};
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void run_child(char **argv, const int *in, const int *out)
{
    struct rlimit limit;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    for (int i = 0; i < 2; i++) {
        close(in[i]);
        close(out[i]);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    execvp(argv[0], argv);
    fprintf(stderr, "measure: %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static struct child start(char **argv)
{
    struct child c;
    int in[2];
    int out[2];

    if (pipe(in) < 0 || pipe(out) < 0)
        fail("pipe");
    c.pid = fork();
    if (c.pid < 0)
        fail("fork");
    if (c.pid == 0)
        run_child(argv, in, out);
    close(in[0]);
    close(out[1]);
    c.to = fdopen(in[1], "w");
    c.from = fdopen(out[0], "r");
    if (c.to == NULL || c.from == NULL)
        fail("fdopen");
    return c;
}

static long pss_kb(pid_t pid)
{
    char text[256];
    long kb = -1;

    snprintf(text, sizeof text, "/proc/%ld/smaps_rollup", (long)pid);
    FILE *file = fopen(text, "r");
    while (file != NULL && fgets(text, sizeof text, file) != NULL) {
        if (sscanf(text, "Pss: %ld", &kb) == 1)
            break;
    }
    if (file != NULL)
        fclose(file);
    return kb;
}

/* Starts the responder; its paths become BENCH_PORTS and `@1`. */
static struct child start_responder(char *program, char *count, char **argv)
{
    size_t ports = strtoul(count, NULL, 10);
    char *words[] = {program, count, NULL};
    char *all = calloc(ports + 1, 32);
    struct child c = start(words);
    char path[32];

    if (all == NULL)
        fail("out of memory");
    for (size_t i = 0; i < ports; i++) {
        if (fgets(path, sizeof path, c.from) == NULL)
            fail("the responder said nothing");
        path[strcspn(path, "\n")] = '\0';
        for (int j = 0; i == 0 && argv[j] != NULL; j++) {
            if (strcmp(argv[j], "@1") == 0)
                argv[j] = strdup(path);
        }
        strcat(strcat(all, i == 0 ? "" : " "), path);
    }
    setenv("BENCH_PORTS", all, 1);
    free(all);
    return c;
}

static void answer_marks(struct child *c, int64_t began)
{
    clockid_t cpu;
    char line[4096];
    char name[64];

    if (clock_getcpuclockid(c->pid, &cpu) != 0)
        fail("clock_getcpuclockid");
    for (int others = 0; fgets(line, sizeof line, c->from) != NULL;) {
        int64_t arrived = micros(CLOCK_MONOTONIC) - began;
        int64_t used = micros(cpu);
        double units = 1;
        if (sscanf(line, "mark %63s %lf", name, &units) < 1) {
            if (others++ == 0)
                printf("first 1 %lld %lld %lld %ld\n", (long long)arrived,
                       (long long)arrived, (long long)used, pss_kb(c->pid));
            continue;
        }
        long pss = pss_kb(c->pid);
        int64_t resumed = micros(CLOCK_MONOTONIC) - began;
        printf("%s %.0f %lld %lld %lld %ld\n", name, units, (long long)arrived,
               (long long)resumed, (long long)used, pss);
        fputs("\n", c->to);
        fflush(c->to);
    }
}

static int end(struct child *c, int64_t began)
{
    struct rusage usage;
    int status = 0;

    if (wait4(c->pid, &status, 0, &usage) < 0)
        fail("wait4");
    int64_t now = micros(CLOCK_MONOTONIC) - began;
    int64_t used =
        ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
        usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    printf("exit 1 %lld %lld %lld -1\n", (long long)now, (long long)now,
           (long long)used);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fputs("usage: measure RESPONDER PORTS CLIENT [ARGUMENT...]\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct child responder = start_responder(argv[1], argv[2], argv + 3);
    int64_t began = micros(CLOCK_MONOTONIC);
    struct child client = start(argv + 3);

    answer_marks(&client, began);
    int status = end(&client, began);
    fclose(responder.to);
    waitpid(responder.pid, NULL, 0);
    if (status != 0)
        fprintf(stderr, "measure: %s ended with %d\n", argv[3], status);
    return status;
}
