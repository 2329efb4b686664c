/* An operation of the store as an act of script.lua, and the answer as its result. Every act is carried
 * out whole or not at all. Pure: nothing is sent here. */
#ifndef STORE_REDIS_ACT_H
#define STORE_REDIS_ACT_H

#include <hiredis/hiredis.h>

#include "store/store.h"

enum { ACT_WORDS_MAX = 14 };

struct act_words {
    struct str items[ACT_WORDS_MAX]; /* in the arena of the operation */
    size_t n;
};

/* The command; `script` is the name that Redis gave the script. */
void act_write(struct store_op *op, struct str script, struct act_words *out);
/* The key that the act works on: for a list that of the names, for a watch that of the events. */
struct str act_key(struct store_op *op);
/* The answer of an act that went well. */
void act_take(struct store_op *op, const redisReply *reply);
/* One member of an array, as a text or a number; empty, or 0, if there is no such text. */
struct str act_text(const redisReply *reply, size_t i);
uint64_t act_number(const redisReply *reply, size_t i);

#endif
