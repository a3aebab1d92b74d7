import CollectorSupport
import Foundation
import Reports
import Shared

/// The time of a page: every age and time on it is relative to the same moment.
struct PageMoment {
    /// The number of the last event that the page has, see ``EventSequence``.
    let number: UInt64
    let now = ContinuousClock.now
    let wall = Date()

    /// Must be made before what the page shows is read.
    init(_ model: ServiceModel) { number = model.sequence.number }

    /// The moment of a page that shows nothing of fleets.
    init() { number = 0 }

    func seconds(since moment: ContinuousClock.Instant) -> Double { max(0, (now - moment).seconds) }

    func date(_ moment: ContinuousClock.Instant) -> Date { wall.time(of: moment, at: now) }

    /// For example `18 min`.
    func age(of moment: ContinuousClock.Instant) -> String { Self.age(seconds(since: moment)) }

    /// For example `18 min ago`; nil for a time that is not RFC 3339.
    func ago(_ text: String) -> String? {
        Date(rfc3339: text).map { Self.age(max(0, wall.timeIntervalSince($0))) + " ago" }
    }

    /// In one unit: `3 s`, `18 min`, `2 h`, `9 days`.
    static func age(_ seconds: Double) -> String {
        switch seconds {
        case ..<90: "\(Int(seconds)) s"
        case ..<5_400: "\(Int(seconds / 60)) min"
        case ..<172_800: "\(Int(seconds / 3_600)) h"
        default: "\(Int(min(seconds, 1e12) / 86_400)) days"
        }
    }

    func element(_ moment: ContinuousClock.Instant) -> Markup { element(date(moment)) }

    /// The time in UTC, with its day unless it is in the last 24 hours.
    func element(_ date: Date) -> Markup {
        let isRecent = abs(wall.timeIntervalSince(date)) < 86_400
        return Self.element(date.rfc3339, isRecent: isRecent)
    }

    /// A recorded time in UTC, with its day unless it is in the last 24 hours; any other text unchanged.
    func element(recorded text: String) -> Markup {
        Date(rfc3339: text).map { element($0) } ?? "\(text, limit: 64)"
    }

    /// The day and the time in UTC; any other text unchanged.
    func element(_ text: String) -> Markup {
        guard let date = Date(rfc3339: text) else { return "\(text, limit: 64)" }
        return Self.element(date.rfc3339, isRecent: false)
    }

    private static func element(_ utc: String, isRecent: Bool) -> Markup {
        "<time datetime=\"\(utc, limit: 64)\">\(isRecent ? clock(utc) : "\(day(utc)) \(clock(utc))")</time>"
    }

    /// - Parameter utc: RFC 3339 in UTC.
    static func clock(_ utc: String) -> String { String(utc.dropFirst(11).prefix(8)) }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func day(_ utc: String) -> String {
        let parts = utc.prefix(10).split(separator: "-").compactMap { Int($0) }
        guard parts.count == 3, months.indices.contains(parts[1] - 1) else { return String(utc.prefix(10)) }
        return "\(parts[2]) \(months[parts[1] - 1])"
    }
}
