#pragma once

// The commit that a program was built from. It is written into the linked program (scripts/stamp.py), because a value that the
// compiler gets would rebuild every target for each commit.

/// One character of the commit; all are '0' in a program without one. index: 0 to 39.
///
/// volatile, because the compiler must not assume that the section keeps what it says here.
static inline unsigned char buildinfo_commit_character(int index) {
    __attribute__((section(".buildinfo_commit"), used)) static const volatile unsigned char commit[40] = {[0 ... 39] = '0'};
    return commit[index];
}
