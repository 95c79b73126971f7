/* SPDX-License-Identifier: MIT
 *
 * The serial ports of this machine for Lua: `core.ports()`. Opens nothing;
 * see port_list.h.
 */
#include "lports.h"

#include "lcore.h"
#include "port_list.h"

#define LIST_TYPE "attest.port_list" /* frees the list when Lua raises */

static void set_text(lua_State *L, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void set_number(lua_State *L, const char *name, int n)
{
    if (n < 0)
        return;
    lua_pushinteger(L, n);
    lua_setfield(L, -2, name);
}

static const char *transport_name(enum port_transport transport)
{
    switch (transport) {
    case PORT_NATIVE:
        return "native";
    case PORT_USB:
        return "usb";
    case PORT_BLUETOOTH:
        return "bluetooth";
    }
    return NULL;
}

static void set_busy(lua_State *L, const struct port_holder *h)
{
    if (h->pid == 0)
        return;
    lua_pushfstring(L, "%s (pid %d)",
                    h->name[0] != '\0' ? h->name : "a program", (int)h->pid);
    lua_setfield(L, -2, "busy");
}

static void push_entry(lua_State *L, const struct port_entry *e)
{
    lua_createtable(L, 0, 12);
    set_text(L, "path", e->path);
    set_text(L, "description", e->description);
    set_text(L, "topology", e->topology);
    set_text(L, "transport", transport_name(e->transport));
    set_text(L, "usb_manufacturer", e->manufacturer);
    set_text(L, "usb_product", e->product);
    set_text(L, "usb_serial", e->serial);
    set_number(L, "usb_vid", e->vid);
    set_number(L, "usb_pid", e->pid);
    set_number(L, "usb_bus", e->bus);
    set_number(L, "usb_address", e->address);
    set_busy(L, &e->holder);
}

static int list_gc(lua_State *L)
{
    port_list_clean(luaL_checkudata(L, 1, LIST_TYPE));
    return 0;
}

/***
Lists the serial ports of this machine without opening one.

@function ports
@treturn[1] table list of { path, description, topology, transport, usb_vid,
usb_pid, usb_serial, usb_manufacturer, usb_product, usb_bus, usb_address, busy
}; what is unknown is absent, `busy` names who has the port open
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"ENOMEM"`
*/
static int l_ports(lua_State *L)
{
    lua_settop(L, 0);
    struct port_list *list = lua_newuserdatauv(L, sizeof *list, 0);
    *list = (struct port_list){0};
    luaL_setmetatable(L, LIST_TYPE);
    int err = port_list_init(list);
    if (err < 0)
        return push_failure(L, err, NULL);
    lua_createtable(L, (int)list->count, 0);
    for (size_t i = 0; i < list->count; i++) {
        push_entry(L, &list->entries[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

void lports_register(lua_State *L)
{
    luaL_newmetatable(L, LIST_TYPE);
    lua_pushcfunction(L, list_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    lua_pushcfunction(L, l_ports);
    lua_setfield(L, -2, "ports");
}
