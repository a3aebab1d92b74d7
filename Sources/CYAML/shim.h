#pragma once
#include <yaml.h>

// Swift sees a union's members, but not which of them counts. One inline function a question, so that nobody asks another.

/// The anchor of a node (&name) or the target of an alias (*name); NULL where there is none.
static inline const char *buildinfo_yaml_anchor(const yaml_event_t *event) {
    switch (event->type) {
    case YAML_ALIAS_EVENT: return (const char *)event->data.alias.anchor;
    case YAML_SCALAR_EVENT: return (const char *)event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT: return (const char *)event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT: return (const char *)event->data.mapping_start.anchor;
    default: return NULL;
    }
}

/// The tag of a node (!!str); NULL where there is none.
static inline const char *buildinfo_yaml_tag(const yaml_event_t *event) {
    switch (event->type) {
    case YAML_SCALAR_EVENT: return (const char *)event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT: return (const char *)event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT: return (const char *)event->data.mapping_start.tag;
    default: return NULL;
    }
}

/// The bytes of a scalar, which may hold zeros, and how many; NULL for anything else.
static inline const unsigned char *buildinfo_yaml_scalar(const yaml_event_t *event, size_t *length) {
    if (event->type != YAML_SCALAR_EVENT) return NULL;
    *length = event->data.scalar.length;
    return event->data.scalar.value;
}

/// Whether a scalar stands without quotes, so that it may mean more than its letters.
static inline int buildinfo_yaml_is_plain(const yaml_event_t *event) {
    return event->type == YAML_SCALAR_EVENT && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}
