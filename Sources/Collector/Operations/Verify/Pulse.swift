import Glibc
import Verdict

/// Recognises that the collector did not run: that its process was stopped, or its machine suspended or starved.
///
/// A session takes a turn at least at each heartbeat. A longer time without one is a suspension if the process hardly used a
/// processor in it. Otherwise the session was busy, which is its own load and has to lengthen the kept interval.
struct Pulse {
    private var last: (moment: Duration, work: Duration)?

    private let shortest: Duration
    /// A suspended process uses less of a processor than this part of the time.
    private static let idleShare = 20

    /// - Parameter turn: the longest time between two turns of a session that runs.
    init(turn: Duration = .milliseconds(100)) {
        shortest = turn + .milliseconds(900)
    }

    /// Notes that the session runs.
    ///
    /// - Parameters:
    ///   - moment: the time since the session's start, by a clock that also runs while the machine is suspended.
    ///   - work: the processor time that the process has used.
    /// - Returns: the suspension since the last call; nil without one.
    mutating func beat(at moment: Duration, workDone work: Duration) -> Suspension? {
        defer { last = (moment, work) }
        guard let last, moment - last.moment >= shortest,
            (work - last.work) * Self.idleShare < moment - last.moment
        else { return nil }
        return Suspension(from: last.moment, until: moment)
    }

    /// The processor time that all threads of this process have used.
    static var processorTime: Duration { .microseconds(Int64(clock())) }
}
