import CollectorSupport
import FoundationEssentials
import Glibc
import Hummingbird
import Inventory
import Ledger
package import Logging
import NIOCore
import NIOPosix
import Operations
import ServiceLifecycle
import Shared
import UnixSignals

/// `serve`: standing checks, verifications and the API in one process, until SIGTERM or SIGINT.
package struct CollectorService: Sendable {
    private let path: String
    private let notifications: ServiceNotifications
    private let environment: [String: String]
    private let logger: Logger

    /// How long requests and verifications may take to end after SIGTERM.
    private static let patience = Duration.seconds(20)

    /// - Parameter path: the configuration's file or folder, which is read again on SIGHUP.
    package init(configuration path: String, environment: [String: String], logger: Logger) {
        self.path = path
        self.environment = environment
        self.logger = logger
        notifications = ServiceNotifications(environment: environment)
    }

    package func run() async throws {
        // Before anything that takes time, so that no signal is lost.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        let setup = try await ServiceSetup(try ServiceConfiguration.read(path), environment: environment)
        let (store, ledger) = try await openLedger(setup.configuration)
        let pool = try TransferPool(for: setup.fleets.map(\.inventory))
        let changes = ChangeSignal()
        let checks = FleetChecks(ledger: ledger, pool: pool, changes: changes, logger: logger)
        let model = ServiceModel(
            ledger: ledger, entries: await checks.run(setup.fleets), access: setup.access,
            publicURL: setup.configuration.publicURL)
        let verifications = Verifications(
            ledger: ledger, pool: pool, evidenceFolder: FilePath.folder(of: store) + "/evidence", logger: logger)
        do {
            let parts = Parts(
                model: model, verifications: verifications, checks: checks,
                events: EventHub(model: model, verifications: verifications, logger: logger),
                gate: AccessGate(
                    model: model, sessions: try Sessions(path: FilePath.folder(of: store) + "/sessions.json"),
                    logger: logger),
                hooks: Hooks(setup.hooks),
                retention: Retention(
                    of: ledger, verifications, checks, age: setup.configuration.verificationAge, logger: logger))
            parts.gate.prepare()
            try await serve(setup, parts, signals)
        } catch {
            await end(checks, pool, ledger)
            throw error
        }
        await end(checks, pool, ledger)
    }

    /// What requests and signals reach.
    private struct Parts {
        let model: ServiceModel
        let verifications: Verifications
        let checks: FleetChecks
        let events: EventHub
        let gate: AccessGate
        let hooks: Hooks
        let retention: Retention
    }

    private func openLedger(_ configuration: ServiceConfiguration) async throws -> (path: String, ledger: Ledger) {
        do {
            guard let path = try LedgerPath.resolve(flag: configuration.store, environment: environment) else {
                throw UsageError("serve needs a ledger: set store to the path of a file")
            }
            return (path, try await Ledger.open(path: path))
        } catch let error as LedgerError {
            throw ServiceLedgerError(cause: error)
        }
    }

    private func end(_ checks: FleetChecks, _ pool: TransferPool, _ ledger: Ledger) async {
        await checks.stop()
        await pool.shutdown()
        await ledger.close(loggingTo: logger)
    }

    private func serve(_ setup: ServiceSetup, _ parts: Parts, _ signals: UnixSignalsSequence) async throws {
        let routes = Routes(
            model: parts.model, verifications: parts.verifications, events: parts.events, hooks: parts.hooks,
            gate: parts.gate)
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        var quiet = logger
        // Lines about single connections say nothing that matters.
        quiet.logLevel = max(logger.logLevel, .warning)
        let listeners = try listeners(routes, setup, quiet) { start.yield() }
        var configuration = ServiceGroupConfiguration(services: listeners, logger: quiet)
        configuration.maximumGracefulShutdownDuration = Self.patience
        let group = ServiceGroup(configuration: configuration)
        do {
            try await withThrowingTaskGroup(of: Bool.self) { tasks in
                // True at the end of the service: after a signal, or because an address cannot be listened on.
                tasks.addTask {
                    try await group.run()
                    return true
                }
                tasks.addTask {
                    for await _ in started.prefix(listeners.count) {}
                    // An address that cannot be listened on ends the service.
                    guard !Task.isCancelled else { return false }
                    notifications.notify("READY=1")
                    logger.notice("Ready", metadata: ["fleets": "\(parts.model.entries.count)"])
                    return false
                }
                tasks.addTask {
                    await parts.events.run()
                    return false
                }
                tasks.addTask {
                    await watchdog(parts.model)
                    return false
                }
                tasks.addTask {
                    await parts.retention.run()
                    return false
                }
                tasks.addTask {
                    await control(signals, setup, parts)
                    notifications.notify("STOPPING=1")
                    // Requests that wait for a verification get its end.
                    await parts.verifications.drain()
                    await parts.events.disconnect(isLast: true)
                    await group.triggerGracefulShutdown()
                    return false
                }
                defer { tasks.cancelAll() }
                while let isOver = try await tasks.next(), !isOver {}
            }
        } catch {
            throw Self.translated(error, setup)
        }
    }

    // MARK: - Listening

    /// A listener for each inherited socket, or else for each configured address.
    ///
    /// - Parameters:
    ///   - quiet: for what happens to connections.
    ///   - onListening: called once by each listener.
    private func listeners(
        _ routes: Routes, _ setup: ServiceSetup, _ quiet: Logger, onListening: @escaping @Sendable () -> Void
    ) throws -> [HTTPListener] {
        let inherited = try InheritedSocket.all(environment: environment)
        let places: [(place: HTTPListener.Place, reach: AccessControl.Reach)] =
            inherited.isEmpty
            ? setup.configuration.listen.map { (.address($0.value), $0.value.reach) }
            : inherited.map { (.inherited(descriptor: $0.descriptor, $0.address), $0.reach) }
        let isExposed = places.contains { $0.reach == .network }
        if isExposed, !setup.access.permitsAnything {
            throw UsageError(
                "the inherited socket is reachable from the network, and no access is configured: add access.tokens, or "
                    + "access: {anonymous: [read]}")
        }
        if isExposed, setup.tls == nil, setup.access.hasTokens {
            logger.warning("Tokens are sent unencrypted: add access.tls")
        }
        return places.map { place, reach in
            let access = ListenerAccess(reach: reach, isEncrypted: setup.tls != nil && reach != .socket)
            return HTTPListener(
                place: place, routes: routes.router(access).buildResponder(), tls: access.isEncrypted ? setup.tls : nil,
                logger: quiet
            ) { [logger] address in
                logger.notice("Listening", metadata: ["address": "\(address)"])
                onListening()
            }
        }
    }

    private static func translated(_ error: any Error, _ setup: ServiceSetup) -> any Error {
        guard let failure = error as? IOError else { return error }
        let addresses = setup.configuration.listen.map { "\($0.value)" }.listed(limit: 3)
        return UsageError(
            "cannot listen on \(addresses) (\(String(cString: strerror(failure.errnoCode)))): choose another address in "
                + "listen, or stop what uses it")
    }

    // MARK: - Signals

    /// Returns on SIGTERM or SIGINT.
    private func control(_ signals: UnixSignalsSequence, _ first: ServiceSetup, _ parts: Parts) async {
        for await signal in signals {
            guard signal == .sighup else {
                logger.notice("Stopping", metadata: ["signal": "\(signal)"])
                return
            }
            notifications.notify("RELOADING=1")
            await reload(first, parts)
            // Who listens must still be permitted to.
            await parts.events.disconnect(isLast: false)
            notifications.notify("READY=1")
        }
    }

    private func reload(_ first: ServiceSetup, _ parts: Parts) async {
        do throws(UsageError) {
            try parts.gate.sessions.reload()
        } catch {
            logger.error("Sessions not reloaded", metadata: ["reason": "\(error)"])
        }
        do throws(ConfigurationError) {
            let next = try await ServiceSetup(try ServiceConfiguration.read(path), environment: environment)
            let entries = await parts.checks.run(next.fleets)
            parts.model.replace(entries: entries, access: next.access, publicURL: next.configuration.publicURL)
            parts.gate.prepare()
            parts.hooks.replace(next.hooks)
            parts.retention.replace(next.configuration.verificationAge)
            logger.notice("Reloaded", metadata: ["fleets": "\(entries.count)"])
            let pending = first.configuration.restartOnly(in: next.configuration)
            guard !pending.isEmpty else { return }
            logger.warning(
                "Restart required", metadata: ["keys": "\(pending.joined(separator: ", "))"])
        } catch {
            for problem in error.problems {
                logger.error("Invalid configuration; keeping the previous version", metadata: ["problem": "\(problem)"])
            }
        }
    }

    /// Tells systemd that the process works: its tasks and event loops run, and its boards are free.
    private func watchdog(_ model: ServiceModel) async {
        guard let interval = notifications.watchdogInterval else { return }
        while !Task.isCancelled {
            for loop in MultiThreadedEventLoopGroup.singleton.makeIterator() {
                do { try await loop.submit {}.get() } catch { return }
            }
            for entry in model.entries { _ = entry.board.snapshot.number }
            notifications.notify("WATCHDOG=1")
            do { try await Task.sleep(for: interval) } catch { return }
        }
    }
}

extension ServiceConfiguration {
    /// The keys that changed and have no effect before a restart.
    fileprivate func restartOnly(in next: ServiceConfiguration) -> [String] {
        var keys: [String] = []
        if listen.map(\.value) != next.listen.map(\.value) { keys.append("listen") }
        if store != next.store { keys.append("store") }
        let files = { (tls: TLSFiles?) in [tls?.certificate.value, tls?.key.value, tls?.clientAuthorities?.value] }
        if files(tls) != files(next.tls) { keys.append("access.tls") }
        return keys
    }
}
