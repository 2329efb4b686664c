/* The log: one event a line, as JSON or as text for people, written through a bounded queue so that
 * a blocked pipe or a full disk loses lines (and counts them) instead of stalling the loop. A struct
 * secret has no field macro: it cannot be logged. Field values are escaped; a line longer than LOG_LINE_MAX
 * is cut and marked: `"truncated":true`, in text ` ...`. */
#ifndef OBSERVE_LOG_H
#define OBSERVE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

/* auto: text on a terminal, else JSON; gcp: JSON with the names that Google Cloud's log knows
 * (https://cloud.google.com/logging/docs/structured-logging); aws: with those of AWS Lambda
 * (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html),
 * and with members that tell CloudWatch which of them are metrics
 * (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html) */
enum log_format { LOG_AUTO, LOG_JSON, LOG_TEXT, LOG_GCP, LOG_AWS };

enum { LOG_LINE_MAX = 8192, LOG_PROJECT_MAX = 64, LOG_INVOCATION_MAX = 64 };

struct log_field {
    const char *name;

    enum { LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_MS, LOG_FIELD_BOOL, LOG_FIELD_RAW } type;

    union {
        struct str str;
        int64_t integer;
        bool boolean;
    } value;
};

#define F_STR(name_, v)                                                                            \
    ((struct log_field){.name = (name_), .type = LOG_FIELD_STR, .value.str = (v)})
#define F_TEXT(name_, v) F_STR(name_, str_from(v))
#define F_INT(name_, v)                                                                            \
    ((struct log_field){.name = (name_), .type = LOG_FIELD_INT, .value.integer = (int64_t)(v)})
/* Takes microseconds; the line shows milliseconds. */
#define F_MS(name_, us)                                                                            \
    ((struct log_field){.name = (name_), .type = LOG_FIELD_MS, .value.integer = (int64_t)(us)})
#define F_BOOL(name_, v)                                                                           \
    ((struct log_field){.name = (name_), .type = LOG_FIELD_BOOL, .value.boolean = (v)})
#define F_JSON(name_, v)                                                                           \
    ((struct log_field){.name = (name_), .type = LOG_FIELD_RAW, .value.str = (v)})

void log_fields(enum log_level level, const char *event, const struct log_field *fields, size_t n);

/* log_event(LOG_INFO, "upstream.failed", F_TEXT("call", name), F_INT("status", 503)); at least one
 * field */
#define log_event(level, event, ...)                                                               \
    do {                                                                                           \
        if (log_is_on(level)) {                                                                    \
            const struct log_field log_these[] = {__VA_ARGS__};                                    \
            log_fields((level), (event), log_these, sizeof(log_these) / sizeof(log_these[0]));     \
        }                                                                                          \
    } while (0)

/* Before this, and after log_close, nothing is written. */
void log_open(int fd, enum log_level level, enum log_format format);
void log_set(enum log_level level, enum log_format format); /* for what is written from now on */
/* The invocation that lines of format aws belong to from now on; empty: none. */
void log_set_invocation(struct str id);
void log_set_level(enum log_level level);
enum log_level log_level(void);
const char *log_level_name(enum log_level level); /* "debug" */
void log_set_project(struct str project);         /* of Google Cloud, for the name of a trace */
bool log_is_on(enum log_level level);
bool log_level_from(struct str name,
                    enum log_level *out); /* debug info warn(ing) error critical off, any case */
void log_flush(void); /* writes what the pipe takes now; the loop calls it each turn */
void log_close(void); /* waits for a blocked pipe: 500 ms, at worst 1 s */
bool log_format_from(struct str name, enum log_format *out); /* auto json text gcp aws, any case */
uint64_t log_dropped(void); /* lines lost since the program began */

#endif
