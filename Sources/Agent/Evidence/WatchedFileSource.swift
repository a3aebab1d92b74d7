import Glibc
import Logging
import NIOCore
import Shared

/// Keeps the board true about one file: reads it when the kernel says that it changed, and now and then in any case.
final class WatchedFileSource: Sendable {
    /// For a file that is written to and stays open.
    private static let writingTime = Duration.milliseconds(200)

    let looker: Refresher
    private let path: String
    private let reader: FileReader
    private let group: any EventLoopGroup
    private let logger: Logger

    init(path: String, reader: FileReader, group: any EventLoopGroup, clock: Clock, logger: Logger) {
        self.path = path
        self.reader = reader
        self.group = group
        self.logger = logger
        looker = Refresher(pace: .files, clock: clock) { looker, start in
            await reader.look(start, again: { looker.told(after: $0) }) { looker.told() }
        }
    }

    /// Follows the file until the task is cancelled.
    func run() async {
        let channel = await watch()
        await looker.run()
        channel?.close(promise: nil)
    }

    /// nil where it has to do without: then the file is read more often.
    private func watch() async -> (any Channel)? {
        do {
            guard let watch = FileWatch(path: path) else { throw IOError(errnoCode: EMFILE, reason: "inotify") }
            let channel = try await FileWatchHandler.start(watch, on: group) { [looker] urgency in
                looker.told(after: urgency == .now ? .zero : Self.writingTime)
            }
            reader.use(watch)
            // What happened since the last look was not watched.
            looker.told()
            channel.closeFuture.whenComplete { [reader, looker] _ in
                reader.use(nil)
                looker.follows(false)
            }
            return channel
        } catch {
            logger.notice(
                "A file cannot be watched, so it is read every two seconds",
                metadata: [
                    "file": "\(Sanitizer.singleLine(path))",
                    "reason": "\(Sanitizer.singleLine("\(error)", limit: 200))",
                ])
            return nil
        }
    }
}
