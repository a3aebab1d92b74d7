import CollectorSupport
import Foundation
import Shared

/// When something was known, and whether that is recent enough to rely on.
struct Knowledge {
    /// RFC 3339; nil if it never was.
    var asOf: String?
    var ageSeconds: Double?
    var isFresh: Bool

    /// Nothing is known.
    static let nothing = Knowledge(asOf: nil, age: nil, isFresh: false)

    init(asOf: String?, age: Duration?, isFresh: Bool) {
        (self.asOf, ageSeconds, self.isFresh) = (asOf, age?.roundedSeconds, isFresh)
    }

    /// - Parameters:
    ///   - now, wall: the present, by both clocks.
    init(_ moment: ContinuousClock.Instant?, isFresh: Bool, at now: ContinuousClock.Instant, wall: Date) {
        self.init(
            asOf: moment.map { wall.time(of: $0, at: now).rfc3339 }, age: moment.map { max(.zero, now - $0) },
            isFresh: isFresh)
    }
}

extension Date {
    /// The time of a moment, if this is the time of `now`. A moment after `now` counts as `now`.
    func time(of moment: ContinuousClock.Instant, at now: ContinuousClock.Instant) -> Date {
        addingTimeInterval(-max(0, (now - moment).seconds))
    }
}

extension Duration {
    /// Seconds with three decimals.
    var roundedSeconds: Double { (seconds * 1_000).rounded() / 1_000 }
}
