/* The permissions by name. */
#include "config/permission.h"

#include "base/attr.h"

#define ROW(id, name) {PERMISSION_##id, name},

static const struct {
    unsigned bit;
    const char *name;
} permissions[] = {PERMISSION_TABLE(ROW, )};

const char *permission_name(unsigned permission)
{
    for (size_t i = 0; i < ARRAY_LEN(permissions); i++) {
        if ((permissions[i].bit & permission) != 0) {
            return permissions[i].name;
        }
    }
    return "none";
}

unsigned permission_bits(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(permissions); i++) {
        if (str_is(name, permissions[i].name)) {
            return permissions[i].bit;
        }
    }
    return str_is(name, "all") ? PERMISSION_ALL : 0;
}

void permissions_print(unsigned bits, struct buf *out)
{
    const char *separator = "";

    buf_char(out, '[');
    for (unsigned bit = 1; bit <= PERMISSION_CONTINUE; bit <<= 1U) {
        if ((bits & bit) != 0) {
            buf_printf(out, "%s\"%s\"", separator, permission_name(bit));
            separator = ", ";
        }
    }
    buf_char(out, ']');
}
