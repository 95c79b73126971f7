/* SPDX-License-Identifier: MIT
 *
 * Enumeration of serial ports. See port_list.h.
 */
#include "port_list.h"

#include <ctype.h>
#include <dirent.h>
#include <libserialport.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASS "/sys/class/tty"

/* ------------------------------------------------------------- topology */

/* "1-1.2:1.0": an interface of a USB device. */
static bool is_interface(const char *part, size_t length)
{
    size_t i = 0;

    while (i < length && isdigit((unsigned char)part[i]))
        i++;
    return i > 0 && i < length && part[i] == '-' &&
           memchr(part + i, ':', length - i) != NULL;
}

void port_list_topology(const char *path, char *out, size_t size)
{
    const char *found = path;
    size_t found_length = 0;
    bool is_usb = false;

    while (*path != '\0') {
        size_t length = strcspn(path, "/");
        bool matches = is_interface(path, length);
        if (length > 0 && (matches || !is_usb)) {
            found = path;
            found_length = length;
            is_usb = is_usb || matches;
        }
        path += length + (path[length] == '/');
    }
    snprintf(out, size, "%.*s", (int)found_length, found);
}

int port_list_compare(const char *a, const char *b)
{
    while (*a != '\0' && *b != '\0') {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            char *after_a;
            char *after_b;
            unsigned long x = strtoul(a, &after_a, 10);
            unsigned long y = strtoul(b, &after_b, 10);
            if (x != y)
                return x < y ? -1 : 1;
            a = after_a;
            b = after_b;
        } else if (*a != *b) {
            break;
        } else {
            a++;
            b++;
        }
    }
    return (unsigned char)*a - (unsigned char)*b;
}

/* -------------------------------------------------------------- entries */

static void find_topology(const char *name, char *out, size_t size)
{
    char link[PATH_MAX];

    out[0] = '\0';
    snprintf(link, sizeof link, CLASS "/%.255s/device", name);
    char *path = realpath(link, NULL);
    if (path != NULL)
        port_list_topology(path, out, size);
    free(path);
}

/* Whether hardware is behind the name: virtual consoles have no device, and
   the 8250 driver makes more names than there are UARTs (type 0). */
static bool is_real(const char *name)
{
    char path[PATH_MAX];
    char type[16] = "";

    snprintf(path, sizeof path, CLASS "/%.255s/device", name);
    char *device = realpath(path, NULL);
    free(device);
    if (device == NULL)
        return false;
    snprintf(path, sizeof path, CLASS "/%.255s/type", name);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return true; /* not an UART of the serial core */
    if (fgets(type, sizeof type, f) == NULL)
        type[0] = '\0';
    fclose(f);
    return strcmp(type, "0\n") != 0;
}

static char *copy(const char *text)
{
    return text == NULL ? NULL : strdup(text);
}

static void fill_usb(struct port_entry *e, const struct sp_port *port)
{
    e->manufacturer = copy(sp_get_port_usb_manufacturer(port));
    e->product = copy(sp_get_port_usb_product(port));
    e->serial = copy(sp_get_port_usb_serial(port));
    if (sp_get_port_usb_vid_pid(port, &e->vid, &e->pid) != SP_OK)
        e->vid = e->pid = -1;
    if (sp_get_port_usb_bus_address(port, &e->bus, &e->address) != SP_OK)
        e->bus = e->address = -1;
}

static int fill(struct port_entry *e, const char *name,
                const struct sp_port *port)
{
    *e = (struct port_entry){.vid = -1, .pid = -1, .bus = -1, .address = -1};
    e->path = copy(sp_get_port_name(port));
    if (e->path == NULL)
        return UV_ENOMEM;
    e->holder.path = e->path;
    e->description = copy(sp_get_port_description(port));
    find_topology(name, e->topology, sizeof e->topology);
    switch (sp_get_port_transport(port)) {
    case SP_TRANSPORT_NATIVE:
        e->transport = PORT_NATIVE;
        break;
    case SP_TRANSPORT_USB:
        e->transport = PORT_USB;
        fill_usb(e, port);
        break;
    case SP_TRANSPORT_BLUETOOTH:
        e->transport = PORT_BLUETOOTH;
        break;
    }
    return 0;
}

static int add(struct port_list *list, const char *name)
{
    char path[PATH_MAX];
    struct sp_port *port;
    struct port_entry *entries =
        realloc(list->entries, (list->count + 1) * sizeof *entries);

    if (entries == NULL)
        return UV_ENOMEM;
    list->entries = entries;
    snprintf(path, sizeof path, "/dev/%.255s", name);
    enum sp_return result = sp_get_port_by_name(path, &port);
    if (result == SP_ERR_MEM)
        return UV_ENOMEM;
    if (result != SP_OK)
        return 0; /* it has just gone */
    int err = fill(&entries[list->count], name, port);
    sp_free_port(port);
    if (err == 0)
        list->count++;
    return err;
}

static int compare(const void *a, const void *b)
{
    return port_list_compare(((const struct port_entry *)a)->path,
                             ((const struct port_entry *)b)->path);
}

static int find_holders(struct port_list *list)
{
    struct port_holder *holders = calloc(list->count, sizeof *holders);

    if (holders == NULL)
        return UV_ENOMEM;
    for (size_t i = 0; i < list->count; i++)
        holders[i].path = list->entries[i].path;
    port_lock_find(holders, list->count);
    for (size_t i = 0; i < list->count; i++)
        list->entries[i].holder = holders[i];
    free(holders);
    return 0;
}

int port_list_init(struct port_list *list)
{
    struct dirent *entry;
    int err = 0;

    *list = (struct port_list){0};
    DIR *d = opendir(CLASS);
    if (d == NULL)
        return 0; /* no sysfs: no ports */
    while (err == 0 && (entry = readdir(d)) != NULL)
        if (entry->d_name[0] != '.' && is_real(entry->d_name))
            err = add(list, entry->d_name);
    closedir(d);
    if (err == 0 && list->count > 0) {
        qsort(list->entries, list->count, sizeof *list->entries, compare);
        err = find_holders(list);
    }
    return err;
}

void port_list_clean(struct port_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct port_entry *e = &list->entries[i];
        free(e->path);
        free(e->description);
        free(e->manufacturer);
        free(e->product);
        free(e->serial);
    }
    free(list->entries);
    *list = (struct port_list){0};
}
