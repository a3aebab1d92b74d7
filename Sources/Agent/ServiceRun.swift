import Glibc
import Logging
import NIOCore
import Shared

/// What every service of the agent does: keeps its evidence true, says when it is ready, reads its configuration again on
/// SIGHUP, and stops on SIGTERM and SIGINT.
struct ServiceRun {
    /// What came of reading the configuration again.
    struct Reload {
        /// That follows it; nil where the one that is stays.
        var source: (any StatusSource)?
        /// What it says and only a start applies; nil where there is nothing.
        var waiting: RestartOnlySettings.Waiting?
    }

    let manager: ServiceManager
    let source: ReloadableSource
    let group: any EventLoopGroup
    let logger: Logger
    /// The name under which systemd knows this service, for remedies.
    let unit: String
    /// Reads the configuration again.
    let reload: () throws -> Reload

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
            if let next = follow() {
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

    private func start(_ source: any StatusSource, isFirst: Bool) -> Task<Void, Never> {
        Task.onTaskThread { [manager, logger] in
            await source.refreshAll()
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
    private func follow() -> (any StatusSource)? {
        do {
            let next = try reload()
            logger.info(
                next.source == nil
                    ? "Configuration read again, and a front takes its services from the reader"
                    : "Configuration read again")
            if let waiting = next.waiting {
                logger.warning(
                    "\(waiting.meaning): what has changed here applies after a restart (systemctl restart \(unit))",
                    metadata: ["keys": "\(waiting.keys.joined(separator: ", "))"])
            }
            return next.source
        } catch {
            logger.error(
                "The configuration is not usable, so the former one stays",
                metadata: ["error": "\(Sanitizer.singleLine("\(error)"))"])
            return nil
        }
    }
}
