import AgentCore
import Glibc
import Logging
import NIOCore
import Shared
import Synchronization

/// Keeps the document of a service in a file up to date: reads the file when inotify announces a change, and periodically.
///
/// The file is always read as a whole, by its path.
final class FileSource: Refreshable {
    /// The time limit for one read; afterwards the file's state is unknown until that read returns.
    static let timeLimit = TimeAmount.seconds(2)
    /// The delay for a file that was written to and stays open.
    private static let writingDelay = Duration.milliseconds(200)

    /// Reads the file; can hang if its file system does.
    typealias Read = @Sendable () -> Result<[UInt8], FileReadFailure>

    private struct State {
        var watch: FileWatch?
        /// True while a read is in flight. A read that hangs keeps it true, so that it occupies only one thread.
        var isReading = false
    }

    let refresher: Refresher
    private let service: String
    private let path: String
    private let host: HostIdentity
    private let publisher: Publisher
    private let probes: ServiceProbes?
    private let group: any EventLoopGroup
    private let logger: Logger
    private let timeLimit: TimeAmount
    private let read: Read
    private let state = Mutex(State())

    /// - Parameter read: reads the file; replaced in tests by a read that hangs.
    init(
        service: String, path: String, host: HostIdentity, publisher: Publisher, probes: ServiceProbes? = nil,
        group: any EventLoopGroup, clock: Clock, logger: Logger, timeLimit: TimeAmount = FileSource.timeLimit,
        read: Read? = nil
    ) {
        self.service = service
        self.path = path
        self.host = host
        self.publisher = publisher
        self.probes = probes
        self.group = group
        self.logger = logger
        self.timeLimit = timeLimit
        self.read = read ?? { SmallFile.read(path, limit: DocumentContent.fileSizeLimit) }
        refresher = Refresher(pace: .files, clock: clock)
    }

    /// Follows the file until the task is cancelled.
    func run() async {
        let channel = await watch()
        await refresher.run(self)
        channel?.close(promise: nil)
    }

    func observe(startedAt: ContinuousClock.Instant) async -> Refresher.Outcome {
        let observedAt = publisher.wallClock
        let readings = probes?.begin() ?? [:]
        let (result, isWatched) = await readOnce()
        let content = DocumentContent(service: service, path: path, host: host, read: result)
        let changed =
            await probes?.publish(
                [content], with: readings, startedAt: startedAt, observedAt: observedAt,
                retry: { [refresher] in refresher.requestRefresh(after: $0) })
            ?? publisher.publish(content, startedAt: startedAt, observedAt: observedAt)
        let succeeded = result != .failure(.hanging) && result != .failure(.noThread)
        return Refresher.Outcome(succeeded: succeeded, changed: changed, eventsAvailable: isWatched)
    }

    private func readOnce() async -> (Result<[UInt8], FileReadFailure>, isWatched: Bool) {
        let (isFree, watch) = state.withLock { state in
            defer { state.isReading = true }
            return (!state.isReading, state.watch)
        }
        guard isFree else { return (.failure(.hanging), false) }
        let outcome = await BlockingThread.run(within: timeLimit) { [read] in
            // The watch is armed before the file is read, so that a change in between is either read or announced.
            let isArmed = watch?.arm() ?? false
            return (read(), isArmed)
        } afterwards: { [self] in
            state.withLock { $0.isReading = false }
            refresher.requestRefresh()
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

    /// Starts watching the file; returns nil if that fails, and the file is then read more often.
    private func watch() async -> (any Channel)? {
        do {
            guard let watch = FileWatch(path: path) else { throw IOError(errnoCode: EMFILE, reason: "inotify") }
            let channel = try await FileWatchHandler.start(watch, on: group) { [refresher] urgency in
                refresher.requestRefresh(after: urgency == .now ? .zero : Self.writingDelay)
            }
            state.withLock { $0.watch = watch }
            // Changes since the last refresh were not watched.
            refresher.requestRefresh()
            channel.closeFuture.whenComplete { [self] _ in
                state.withLock { $0.watch = nil }
                refresher.setEventsAvailable(false)
            }
            return channel
        } catch {
            logger.notice(
                "File cannot be watched; reading it every 2 s",
                metadata: [
                    "file": "\(Sanitizer.singleLine(path))",
                    "reason": "\(Sanitizer.singleLine("\(error)", limit: 200))",
                ])
            return nil
        }
    }
}
