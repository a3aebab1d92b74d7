import Logging
import Synchronization

/// A value that is made from files and reloaded when they change.
///
/// The files are checked when the value is used, at most once per ``interval``, so an idle agent does not wake up. If the files
/// become invalid, the previous value stays, with one log line until they change again. The files have to be on a local disk,
/// like `/etc`: reading them blocks the event loop.
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
    private let rejection: @Sendable (Value, Value) -> AccessError?
    private let state: Mutex<State>

    /// - Parameters:
    ///   - rejection: returns the reason why a new value must not replace the previous one; nil if it can.
    ///   - make: makes the value from the contents of the files, in their order.
    init(
        _ files: [AccessFile], clock: Clock, logger: Logger,
        rejection: @escaping @Sendable (_ new: Value, _ previous: Value) -> AccessError? = { _, _ in nil },
        make: @escaping @Sendable ([[UInt8]]) throws(AccessError) -> Value
    ) throws(AccessError) {
        self.files = files
        self.clock = clock
        self.logger = logger
        self.rejection = rejection
        self.make = make
        // Before reading, so a change in between causes a reload.
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
            if let rejection = rejection(new, value) { throw rejection }
            state.withLock { $0.value = new }
            logger.notice("Reloaded", metadata: ["files": "\(names)"])
            return new
        } catch {
            logger.warning("Keeping the previous version", metadata: ["reason": "\(error)"])
            return value
        }
    }

    private static func read(_ files: [AccessFile]) throws(AccessError) -> [[UInt8]] {
        var contents: [[UInt8]] = []
        for file in files { contents.append(try file.read()) }
        return contents
    }
}
