/* SPDX-License-Identifier: MIT
 *
 * One interface to whatever carries bytes: a serial device (libserialport),
 * a tty that libserialport refuses (termios), the master side of a PTY, or
 * one end of a pair in memory.
 *
 * port.c owns reading, the write queue and the close; a backend only opens a
 * descriptor and sets its line. Nothing here blocks. Close callbacks free;
 * closing twice is legal and quiet. Errors are 0 or negative UV_* codes.
 */
#ifndef ATTEST_PORT_H
#define ATTEST_PORT_H

#include "loop.h"

enum port_flow { PORT_FLOW_NONE, PORT_FLOW_RTSCTS, PORT_FLOW_XONXOFF };
enum port_policy { PORT_LEAVE, PORT_ON, PORT_OFF }; /* of DTR or RTS */

struct port_config {
    unsigned baud;      /* bits per second; any the OS takes */
    unsigned data_bits; /* 5-8 */
    char parity;        /* 'N' 'O' 'E' 'M' 'S' */
    unsigned stop_bits; /* 10, 15 or 20: tenths of a bit */
    enum port_flow flow;
    enum port_policy dtr, rts;             /* at open */
    enum port_policy dtr_close, rts_close; /* at close */
    bool shared;                           /* no exclusive lock */
};

#define PORT_CONFIG_DEFAULT                                                    \
    {                                                                          \
        .baud = 115200, .data_bits = 8, .parity = 'N', .stop_bits = 10         \
    }

/* Modem lines, as bits. */
enum {
    PORT_DTR = 1,
    PORT_RTS = 2,
    PORT_CTS = 4,
    PORT_DSR = 8,
    PORT_DCD = 16,
    PORT_RI = 32,
};

/* What the owner of a port is told. `closed` comes at most once: 0 for an
   orderly end of file, else the reason. The callee may close the port. */
struct port_events {
    void (*bytes)(void *arg, const char *bytes, size_t length, uint64_t at);
    void (*drained)(void *arg); /* the write queue is empty again */
    void (*closed)(void *arg, int err);
    void (*freed)(void *arg); /* the port's memory is gone */
};

struct port;

/* Why an open or configure failed, for a person ("held by minicom (pid 7)").
   Empty when the error code says it all. */
struct port_reason {
    char text[256];
};

struct port_backend {
    const char *name;
    /* Applies the whole configuration to the descriptor. */
    int (*configure)(struct port *p, const struct port_config *config,
                     struct port_reason *why);
    /* Modem lines; UV_ENOTSUP where the device has none. */
    int (*get_lines)(struct port *p, unsigned *lines);
    int (*set_lines)(struct port *p, unsigned mask, unsigned values);
    int (*set_break)(struct port *p, bool on);
    /* The rate of the far side; NULL where nobody can know it. */
    int (*client_baud)(struct port *p, unsigned *baud);
    /* What waits for the client to read; NULL where nobody can tell. */
    int (*client_unread)(struct port *p, unsigned *bytes);
    /* Lets go of what open took; the descriptor is closed by port.c after. */
    void (*release)(struct port *p);
};

struct port {
    struct loop *loop;
    const struct port_backend *backend;
    struct port_events events;
    void *arg;
    char *path; /* as opened; a PTY's is the side for the client */
    struct port_config config;
    void *data; /* the backend's own */
    int fd;     /* -1 for a pair */
    bool is_closing;
    bool is_paused;  /* not read */
    bool is_dead;    /* hung up; `closed` was reported */
    int status;      /* the reason of the hang-up */
    uv_poll_t *poll; /* owned: freed by its close callback */
    int poll_events;
    char *queue; /* bytes the OS did not take yet */
    size_t queue_length;
    size_t queue_capacity;
    uint64_t written_at;     /* ns when the last byte was handed to the OS */
    uint64_t received, sent; /* bytes so far */
};

/* Opens a device by path: libserialport where it can, termios otherwise.
   The new port is owned by the caller. Bytes flow once port_start ran. */
int port_open(struct loop *l, const char *path, const struct port_config *c,
              struct port **out, struct port_reason *why);

/* The master side of a new PTY; port_path() names the client's side. It is
   raw, at `c`'s rate, and held open, so that nothing printed before a client
   comes is lost. */
int port_open_pty(struct loop *l, const struct port_config *c,
                  struct port **out, struct port_reason *why);

/* Two ends in memory. `chunk`: most bytes delivered in one turn, 0: all. */
int port_open_pair(struct loop *l, size_t chunk, struct port **a,
                   struct port **b);

void port_start(struct port *p, const struct port_events *events, void *arg);

/* Takes all bytes or none: UV_EPIPE after a hang-up, UV_ENOBUFS when over
   PORT_QUEUE bytes wait already. */
#define PORT_QUEUE (4u << 20)
int port_write(struct port *p, const char *bytes, size_t length);

/* Stops reading, or reads again: what comes meanwhile waits in the OS, and so
   does the news of a hang-up. */
void port_pause(struct port *p, bool on);

/* Whether bytes still wait to be handed to the OS. */
bool port_is_busy(const struct port *p);

int port_configure(struct port *p, const struct port_config *config,
                   struct port_reason *why);
int port_get_lines(struct port *p, unsigned *lines);
int port_set_lines(struct port *p, unsigned mask, unsigned values);
int port_set_break(struct port *p, bool on);

/* The rate that was set on the far side of a PTY's master or of a pair's end;
   UV_ENOTSUP on a wire, which does not tell. */
int port_client_baud(struct port *p, unsigned *baud);

/* Bytes that the client of a PTY has not read yet, or UV_ENOTSUP. A close
   takes them from it. */
int port_client_unread(struct port *p, unsigned *bytes);

/* Never waits. Unsent bytes are dropped; freed() comes later. */
void port_close(struct port *p);

/* For backends. Allocates a port around `fd` (owned); path is copied. */
struct port *port_new(struct loop *l, const struct port_backend *backend,
                      int fd, const char *path,
                      const struct port_config *config);

/* Backends, tried by port_open in this order: UV_ENOTSUP passes on. */
int port_serial_open(struct loop *l, const char *path,
                     const struct port_config *c, struct port **out,
                     struct port_reason *why);
int port_tty_open(struct loop *l, const char *path, const struct port_config *c,
                  struct port **out, struct port_reason *why);

#endif
