import Glibc
import Logging
import NIOCore
import Shared

/// The lifecycle of a service: it keeps the evidence up to date, notifies systemd, reloads its configuration on SIGHUP,
/// and stops on SIGTERM and SIGINT.
struct ServiceRun {
    /// The result of reading the configuration again.
    struct Reload {
        /// The new source; nil if the present one stays.
        var source: (any StatusSource)?
        /// The changes that need a restart; nil without any.
        var pending: RestartOnlySettings.Pending?
    }

    let manager: ServiceManager
    let source: ReloadableSource
    let group: any EventLoopGroup
    let logger: Logger
    /// The service's systemd unit, for remedies.
    let unit: String
    /// Reads the configuration again.
    let reload: () throws -> Reload

    /// Returns after SIGTERM or SIGINT.
    func untilStopped(_ signals: AsyncStream<Int32>) async {
        var observing = start(source.current, isFirst: true)
        let watchdog = Task.onTaskThread { [manager, group, source] in
            await Watchdog(manager: manager, group: group, source: source).run()
        }
        for await signal in signals {
            guard signal == SIGHUP else {
                logger.info("Stopping", metadata: ["signal": "\(signal == SIGINT ? "SIGINT" : "SIGTERM")"])
                break
            }
            manager.notify("RELOADING=1")
            if let next = reloaded() {
                observing.cancel()
                source.current = next
                observing = start(next, isFirst: false)
            }
            manager.notify("READY=1")
        }
        manager.notify("STOPPING=1")
        watchdog.cancel()
        observing.cancel()
    }

    private func start(_ source: any StatusSource, isFirst: Bool) -> Task<Void, Never> {
        Task.onTaskThread { [manager, logger] in
            await source.refreshAll()
            if isFirst {
                // Ready once the first answer has evidence.
                manager.notify("READY=1")
                logger.info("Ready", metadata: ["services": "\(source.documents.services.joined(separator: ","))"])
                StartupPages.release()
            }
            await source.run()
        }
    }

    /// The source of the new configuration; nil if the present one stays, as it does if the configuration is invalid.
    private func reloaded() -> (any StatusSource)? {
        do {
            let next = try reload()
            logger.info("Reloaded", metadata: next.source == nil ? ["services": "from the reader"] : [:])
            if let pending = next.pending {
                logger.warning(
                    "\(pending.meaning): restart required",
                    metadata: [
                        "keys": "\(pending.keys.joined(separator: ", "))", "command": "systemctl restart \(unit)",
                    ])
            }
            return next.source
        } catch {
            logger.error(
                "Invalid configuration; keeping the previous version",
                metadata: ["error": "\(Sanitizer.singleLine("\(error)"))"])
            return nil
        }
    }
}
