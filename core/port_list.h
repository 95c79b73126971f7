/* SPDX-License-Identifier: MIT
 *
 * The serial ports of this machine, from sysfs and libserialport.
 *
 * No device is opened, since an open raises DTR and RTS and a module may
 * reset: sp_list_ports() is not used, because it opens every serial8250
 * port. Who has a port open is found in /proc.
 */
#ifndef ATTEST_PORT_LIST_H
#define ATTEST_PORT_LIST_H

#include "port_lock.h"

enum port_transport { PORT_NATIVE, PORT_USB, PORT_BLUETOOTH };

/* Strings are owned by the list; NULL: unknown. */
struct port_entry {
    char *path;
    char *description;
    char *manufacturer, *product, *serial; /* USB */
    char topology[64]; /* where it is plugged in; "" when unknown */
    enum port_transport transport;
    int vid, pid;     /* USB; -1: unknown */
    int bus, address; /* USB; -1: unknown */
    struct port_holder holder;
};

struct port_list {
    struct port_entry *entries; /* ttyUSB2 before ttyUSB10 */
    size_t count;
};

/* 0 or UV_ENOMEM. Clean up what was made also then. */
int port_list_init(struct port_list *list);
void port_list_clean(struct port_list *list);

/* The place in a path below /sys/devices: "1-1.2:1.0" (bus, ports of the
   hubs, configuration, interface) on USB, else the name of the device. */
void port_list_topology(const char *path, char *out, size_t size);

/* Compares names with their numbers as numbers. */
int port_list_compare(const char *a, const char *b);

#endif
