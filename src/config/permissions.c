/* The permissions by name, the one list of them. */
#include "config/permission.h"

#include "base/attr.h"

static const struct {
    unsigned bits;
    const char *name;
} permissions[] = {
    {PERMISSION_READ, "read"},
    {PERMISSION_WRITE_TESTS, "write:tests"},
    {PERMISSION_WRITE_LIBRARY, "write:library"},
    {PERMISSION_EXECUTE, "execute"},
    {PERMISSION_ADMIN, "admin"},
    {PERMISSION_CONTINUE, "continue:runs"},
    {PERMISSION_ALL, "all"},
};

const char *permission_name(unsigned permission)
{
    for (size_t i = 0; i < ARRAY_LEN(permissions); i++) {
        if ((permissions[i].bits & permission) != 0) {
            return permissions[i].name;
        }
    }
    return "none";
}

unsigned permission_bits(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(permissions); i++) {
        if (str_is(name, permissions[i].name)) {
            return permissions[i].bits;
        }
    }
    return 0;
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
