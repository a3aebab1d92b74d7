import Shared

/// What a tag that was read says about a change of it: after the PUT, and after a promotion that was cut off.
///
/// Registries have no compare-and-swap. A digest that is neither what was intended nor what was there before is another
/// writer's.
enum TagFinding {
    /// - Parameters:
    ///   - now: what the tag is; nil where it is nothing.
    ///   - former: what it was before.
    static func state(now: Digest?, intended: Digest, former: Digest?) -> JournalEntry.State {
        if now == intended { return .moved }
        return now == former ? .unmoved : .contested
    }
}
