import Glibc
import Logging
import NIOCore
import Shared

/// What every service of the agent does: keeps its evidence true, says when it is ready, reads its configuration again on
/// SIGHUP, and stops on SIGTERM and SIGINT.
struct ServiceRun {
    let manager: ServiceManager
    let source: CurrentSource
    let group: any EventLoopGroup
    let logger: Logger
    /// Reads the configuration again, and gives the source that follows it; nil where the one that is stays.
    let reload: () throws -> (any EvidenceSource)?

    /// Returns when it was told to stop.
    ///
    /// - Parameter signals: those of this process.
    func untilStopped(_ signals: AsyncStream<Int32>) async {
        var looking = start(source.current, isFirst: true)
        let watchdog = Task.onTaskThread { [manager, group, source] in
            await Watchdog(manager: manager, group: group, source: source).run()
        }
        for await signal in signals {
            guard signal == SIGHUP else {
                logger.info("Stopping", metadata: ["signal": "\(signal == SIGINT ? "SIGINT" : "SIGTERM")"])
                break
            }
            manager.notify("RELOADING=1")
            if let next = follow(reload) {
                looking.cancel()
                source.current = next
                looking = start(next, isFirst: false)
            }
            manager.notify("READY=1")
        }
        manager.notify("STOPPING=1")
        watchdog.cancel()
        looking.cancel()
    }

    private func start(_ source: any EvidenceSource, isFirst: Bool) -> Task<Void, Never> {
        Task.onTaskThread { [manager, logger] in
            await source.lookAtAll()
            if isFirst {
                // Ready means: the first answer is one from evidence.
                manager.notify("READY=1")
                logger.info("Ready", metadata: ["services": "\(source.board.services.joined(separator: ","))"])
                StartupPages.release()
            }
            await source.run()
        }
    }

    /// A configuration that cannot be used changes nothing.
    private func follow(_ reload: () throws -> (any EvidenceSource)?) -> (any EvidenceSource)? {
        do {
            let next = try reload()
            logger.info(
                next == nil
                    ? "A front takes its services from the reader, and follows the files of access: nothing is read again"
                    : "Configuration read again")
            return next
        } catch {
            logger.error(
                "The configuration is not usable, so the former one stays",
                metadata: ["error": "\(Hygiene.line("\(error)"))"])
            return nil
        }
    }
}
