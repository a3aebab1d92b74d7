import Logging
import Synchronization

/// A value that is made of files, and made anew when they have changed.
///
/// That is looked at when the value is asked for, at most once in ``interval``: nothing wakes an idle agent. Files that have
/// become unusable leave the value as it was, and are said so once, until they change again. The files are expected on a
/// local disk, as `/etc` is: reading them holds up the event loop.
final class FileBacked<Value: Sendable>: Sendable {
    static var interval: Duration { .seconds(1) }

    private struct State {
        var value: Value
        var stamps: [AccessFile.Stamp?]
        var checkedAt: ContinuousClock.Instant
    }

    private let files: [AccessFile]
    private let clock: Clock
    private let logger: Logger
    private let make: @Sendable ([[UInt8]]) throws(AccessError) -> Value
    private let objection: @Sendable (Value, Value) -> AccessError?
    private let state: Mutex<State>

    /// - Parameters:
    ///   - objection: why a new value must not replace the former one; nil where it may.
    ///   - make: makes the value of the files' bytes, in their order.
    init(
        _ files: [AccessFile], clock: Clock, logger: Logger,
        objection: @escaping @Sendable (_ new: Value, _ former: Value) -> AccessError? = { _, _ in nil },
        make: @escaping @Sendable ([[UInt8]]) throws(AccessError) -> Value
    ) throws(AccessError) {
        self.files = files
        self.clock = clock
        self.logger = logger
        self.objection = objection
        self.make = make
        // Before they are read: what changes in between is read again.
        let stamps = files.map(\.stamp)
        state = Mutex(
            State(value: try make(try Self.read(files)), stamps: stamps, checkedAt: clock.now()))
    }

    var current: Value {
        let now = clock.now()
        let (value, isDue) = state.withLock { state in
            let isDue = now - state.checkedAt >= Self.interval
            if isDue { state.checkedAt = now }
            return (state.value, isDue)
        }
        return isDue ? refreshed(value) : value
    }

    private func refreshed(_ value: Value) -> Value {
        let stamps = files.map(\.stamp)
        let isSame = state.withLock { state in
            defer { state.stamps = stamps }
            return state.stamps == stamps
        }
        guard !isSame else { return value }
        let names = files.map(\.shown).joined(separator: ", ")
        do throws(AccessError) {
            let new = try make(try Self.read(files))
            if let objection = objection(new, value) { throw objection }
            state.withLock { $0.value = new }
            logger.notice("Read anew", metadata: ["files": "\(names)"])
            return new
        } catch {
            logger.warning("What was read before stays in use", metadata: ["reason": "\(error)"])
            return value
        }
    }

    private static func read(_ files: [AccessFile]) throws(AccessError) -> [[UInt8]] {
        var contents: [[UInt8]] = []
        for file in files { contents.append(try file.read()) }
        return contents
    }
}
