#pragma once
#include <yaml.h>

// Swift sees the members of a C union, but not which one is valid. Each inline function reads one value, and only from
// events that have it.

/// The anchor of a node (&name) or the target of an alias (*name); NULL if absent.
static inline const char *buildinfo_yaml_anchor(const yaml_event_t *event) {
    switch (event->type) {
    case YAML_ALIAS_EVENT: return (const char *)event->data.alias.anchor;
    case YAML_SCALAR_EVENT: return (const char *)event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT: return (const char *)event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT: return (const char *)event->data.mapping_start.anchor;
    default: return NULL;
    }
}

/// The tag of a node (!!str); NULL if absent.
static inline const char *buildinfo_yaml_tag(const yaml_event_t *event) {
    switch (event->type) {
    case YAML_SCALAR_EVENT: return (const char *)event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT: return (const char *)event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT: return (const char *)event->data.mapping_start.tag;
    default: return NULL;
    }
}

/// The bytes of a scalar, which can contain zeros, and their number in `length`; NULL for other events.
static inline const unsigned char *buildinfo_yaml_scalar(const yaml_event_t *event, size_t *length) {
    if (event->type != YAML_SCALAR_EVENT) return NULL;
    *length = event->data.scalar.length;
    return event->data.scalar.value;
}

/// 1 if a scalar has no quotes, so that it can be a boolean, a number or null; otherwise 0.
static inline int buildinfo_yaml_is_plain(const yaml_event_t *event) {
    return event->type == YAML_SCALAR_EVENT && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}
