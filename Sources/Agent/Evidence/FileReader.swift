import NIOCore
import Shared
import Synchronization

/// Reads one file for its service, with a time limit, and never twice at a time.
final class FileReader: Sendable {
    /// For one read; then the file is unknown until that read comes back.
    static let timeLimit = TimeAmount.seconds(2)

    private struct State {
        var watch: FileWatch?
        /// A read is under way; one that hangs stays it, so that it does not take thread after thread.
        var isReading = false
    }

    /// May be replaced in tests, by one that hangs.
    typealias ReadCommand = @Sendable () -> Result<[UInt8], SmallFile.Defect>

    private let source: FileSource
    private let read: ReadCommand
    private let publisher: Publisher
    private let probes: Probes?
    private let timeLimit: TimeAmount
    private let state = Mutex(State())

    init(
        source: FileSource, publisher: Publisher, probes: Probes? = nil, timeLimit: TimeAmount = FileReader.timeLimit,
        read: ReadCommand? = nil
    ) {
        self.source = source
        self.publisher = publisher
        self.probes = probes
        self.timeLimit = timeLimit
        self.read = read ?? { source.read() }
    }

    /// Has the watch armed before each read; nil where there is none.
    func use(_ watch: FileWatch?) {
        state.withLock { $0.watch = watch }
    }

    /// - Parameters:
    ///   - again: is told after which time to look again, for what the service itself says.
    ///   - unstuck: is called when a read came back that had been given up.
    func look(
        _ start: ContinuousClock.Instant, again: @escaping @Sendable (Duration) -> Void = { _ in },
        unstuck: @escaping @Sendable () -> Void
    ) async -> Refresher.Outcome {
        let observedAt = publisher.wallClock
        let readings = probes?.begin() ?? [:]
        let (read, isFollowed) = await readOnce(unstuck)
        let content = source.content(read)
        let changed =
            await probes?.publish(
                [content], with: readings, lookedAt: start, observedAt: observedAt, again: again)
            ?? publisher.publish(content, lookedAt: start, observedAt: observedAt)
        let succeeded = read != .failure(.hanging) && read != .failure(.noThread)
        return Refresher.Outcome(succeeded: succeeded, changed: changed, isFollowed: isFollowed)
    }

    private func readOnce(
        _ unstuck: @escaping @Sendable () -> Void
    ) async -> (Result<[UInt8], SmallFile.Defect>, isFollowed: Bool) {
        let (isFree, watch) = state.withLock { state in
            defer { state.isReading = true }
            return (!state.isReading, state.watch)
        }
        guard isFree else { return (.failure(.hanging), false) }
        let outcome = await BlockingThread.run(within: timeLimit) { [read] in
            // Watched before it is read: what is written in between is read or told.
            let isArmed = watch?.arm() ?? false
            return (read(), isArmed)
        } afterwards: { [self] in
            state.withLock { $0.isReading = false }
            unstuck()
        }
        switch outcome {
        case .value(let value):
            state.withLock { $0.isReading = false }
            return value
        case .late: return (.failure(.hanging), false)
        case .noThread:
            state.withLock { $0.isReading = false }
            return (.failure(.noThread), false)
        }
    }
}
