/* Intrusive doubly linked list, circular with a head; a zeroed link is "not in a list". */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct list {
    struct list *next;
    struct list *prev;
};

static inline void list_init(struct list *head)
{
    head->next = head;
    head->prev = head;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head || head->next == NULL;
}

static inline bool list_is_linked(const struct list *link)
{
    return link->next != NULL && link->next != link;
}

static inline void list_insert_before(struct list *at, struct list *link)
{
    link->prev = at->prev;
    link->next = at;
    at->prev->next = link;
    at->prev = link;
}

static inline void list_append(struct list *head, struct list *link)
{
    list_insert_before(head, link);
}

static inline void list_prepend(struct list *head, struct list *link)
{
    list_insert_before(head->next, link);
}

/* Removing a link that is in no list is fine. */
static inline void list_remove(struct list *link)
{
    if (link->next != NULL) {
        link->prev->next = link->next;
        link->next->prev = link->prev;
    }
    link->next = NULL;
    link->prev = NULL;
}

static inline struct list *list_first(struct list *head)
{
    return list_is_empty(head) ? NULL : head->next;
}

static inline struct list *list_take_first(struct list *head)
{
    struct list *first = list_first(head);

    if (first != NULL) {
        list_remove(first);
    }
    return first;
}

/* Appends all links of `from` to the list; `from` is empty then. */
static inline void list_append_all(struct list *head, struct list *from)
{
    struct list *link;

    while ((link = list_take_first(from)) != NULL) {
        list_append(head, link);
    }
}

#define LIST_JOINED(name, line) name##line
#define LIST_NAMED(name, line)  LIST_JOINED(name, line)
/* A loop over the list: `entry` points to each struct, which is linked by its member `member`. */
#define LIST_EACH(entry, head, member)                                                             \
    for (struct list * LIST_NAMED(at_, __LINE__) = (head)->next;                                   \
         LIST_NAMED(at_, __LINE__) != (head) &&                                                    \
         ((entry) = CONTAINER_OF(LIST_NAMED(at_, __LINE__), __typeof__(*(entry)), member), true);  \
         LIST_NAMED(at_, __LINE__) = LIST_NAMED(at_, __LINE__)->next)
/* The same loop, but its body may take the entry out of the list. */
#define LIST_EACH_SAFE(entry, head, member)                                                        \
    for (struct list *                                                                             \
             LIST_NAMED(at_, __LINE__) = (head)->next,                                             \
                             *LIST_NAMED(after_, __LINE__) = LIST_NAMED(at_, __LINE__)->next;      \
         LIST_NAMED(at_, __LINE__) != (head) &&                                                    \
         ((entry) = CONTAINER_OF(LIST_NAMED(at_, __LINE__), __typeof__(*(entry)), member), true);  \
         LIST_NAMED(at_, __LINE__) = LIST_NAMED(after_, __LINE__),                                 \
                             LIST_NAMED(after_, __LINE__) = LIST_NAMED(at_, __LINE__)->next)
#define LIST_FOREACH(link, head)                                                                   \
    for ((link) = (head)->next; (link) != (head); (link) = (link)->next)
#define LIST_FOREACH_SAFE(link, after, head)                                                       \
    for ((link) = (head)->next, (after) = (link)->next; (link) != (head);                          \
         (link) = (after), (after) = (link)->next)

#endif
