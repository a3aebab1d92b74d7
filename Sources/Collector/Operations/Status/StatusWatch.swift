package import CollectorSupport
import Foundation
package import Inventory
import Ledger
import Reports
import Shared
import Synchronization
import UnixSignals
import Verdict

/// A status that asks every host again and again, until a signal ends it.
///
/// A change of the inventory, or of the promotion to compare with, begins a new session. The display keeps what it knew until
/// each host has answered again.
package struct StatusWatch: Sendable {
    private var run: StatusRun
    private let interval: Duration
    private let terminal: Terminal

    /// - Parameter interval: how often each host is asked.
    package init(_ run: StatusRun, every interval: Duration, terminal: Terminal = .standardOutput) {
        self.run = run
        self.interval = interval
        self.terminal = terminal
    }

    /// The end of one session, from which the exit code and the reports follow.
    private struct View {
        let verification: Verification
        let startedAt: Date
        let duration: Duration
        let promotions: [Promotion]

        var isComplete: Bool { verification.isEveryHostAsked }
    }

    /// Watches until SIGINT, SIGTERM or SIGHUP.
    ///
    /// - Parameter reload: reads the inventory's sources again.
    /// - Returns: after Ctrl-C, which is the usual end, the exit code of the last complete view; otherwise 128 and the signal.
    package func run(reload: () async throws -> (Inventory, HostCredentials)) async throws -> Int32 {
        // Nothing to watch, or a selection that matches nothing: a mistake, and no fleet that might still grow.
        let inventory = run.inventory
        guard !inventory.hosts.isEmpty,
            InventoryCheck.mismatch(of: inventory.selector, hosts: inventory.hosts, listed: inventory.listed) == nil
        else { return try await run.run() }
        let signals = await EndingSignals.caught()
        let state = WatchState()
        let watching = Task { for await signal in signals { state.end(by: signal.endingNumber) } }
        defer { watching.cancel() }
        let display = StatusDisplay(
            on: terminal, style: run.progress.style(on: terminal, environment: run.environment), interval: interval)
        var run = run
        var last: View?
        while true {
            let view = try await session(run, state, display)
            if view.isComplete { last = view }
            if let signal = state.signal { return try await end(signal, last, run) }
            guard state.takeInventoryChange() else { continue }
            do {
                (run.inventory, run.access) = try await reload()
                state.note(nil, of: .inventory)
            } catch {
                // A source that is being written, or is wrong for now, proves nothing about its hosts.
                state.note("cannot use the changed inventory: \(error)", of: .inventory)
            }
        }
    }

    private func session(_ run: StatusRun, _ state: WatchState, _ display: StatusDisplay) async throws -> View {
        let startedAt = Date()
        let promotions = try await run.ledger?.promotions(of: run.target.deployed) ?? []
        let target = run.completed(promotions)
        let verification = Verification(
            sweeping: run.inventory.hosts, for: target, requestTimeout: run.requestTimeout, every: interval,
            promotions: promotions, learnsImages: run.learner != nil)
        let clients = try TransferClients(
            hosts: run.inventory.hosts, concurrency: run.concurrency, keepsConnections: true)
        let access = run.access
        var session = FleetSession(transfers: SessionTransfers(clients.all), noncePrefix: RunID.nonce()) { access[$0] }
        session.learner = run.learner
        session.watches = [state.inventoryWatch(run.inventory)]
        if let ledger = run.ledger {
            session.watches.append(state.promotionWatch(ledger, of: target.deployed, known: promotions))
        }
        session.isComplete = { _ in state.isSessionOver }
        display.begin()
        let (ended, duration) = await session.run(
            verification, observers: [StatusObserver(display: display, state: state)])
        await clients.shutdown()
        display.flush(ended, at: duration, problem: state.problem, isLast: state.signal != nil)
        return View(verification: ended, startedAt: startedAt, duration: duration, promotions: promotions)
    }

    private func end(_ signal: Int32, _ view: View?, _ run: StatusRun) async throws -> Int32 {
        guard let view else { return 128 + signal }
        let conclusion = SweepRules(view.verification, at: view.duration).conclude(isGating: run.isGating)
        var outcome = VerificationOutcome(
            verification: view.verification, conclusion: conclusion,
            context: run.context(view.startedAt, view.duration))
        // The registry is only asked if somebody reads its answer.
        if let drift = run.drift, run.isGating || !run.destinations.isEmpty {
            outcome = outcome.adding(
                try await drift.drift(from: outcome.report(), promotions: view.promotions, now: Date()),
                isGating: run.isGating)
        }
        let report = outcome.report()
        try await run.destinations.deliver(report)
        return signal == 2 ? report.exitCode : 128 + signal
    }
}

/// What the parts of a watch tell each other.
final class WatchState: Sendable {
    private struct Content {
        var signal: Int32?
        var hasInventoryChanged = false
        var havePromotionsChanged = false
        /// What could not be read again, and why.
        var problems: [Source: String] = [:]
    }

    enum Source: Hashable, Sendable { case inventory, ledger }

    private let content = Mutex(Content())

    /// The signal that ends the watch; nil while it goes on.
    var signal: Int32? { content.withLock { $0.signal } }
    func end(by signal: Int32) { content.withLock { $0.signal = $0.signal ?? signal } }

    var isSessionOver: Bool {
        content.withLock { $0.signal != nil || $0.hasInventoryChanged || $0.havePromotionsChanged }
    }

    /// The reason that something could not be read again; nil if all is well.
    var problem: String? {
        let problems = content.withLock(\.problems)
        return problems.isEmpty
            ? nil : [problems[.inventory], problems[.ledger]].compactMap { $0 }.joined(separator: "; ")
    }

    func note(_ problem: String?, of source: Source) {
        content.withLock { $0.problems[source] = problem.map { Sanitizer.singleLine($0, limit: 300) } }
    }

    /// True if the inventory changed since the last call.
    func takeInventoryChange() -> Bool {
        content.withLock { content in
            defer { (content.hasInventoryChanged, content.havePromotionsChanged) = (false, false) }
            return content.hasInventoryChanged
        }
    }

    private static let pause = Duration.seconds(1)

    /// Repeats a look at something until the task is cancelled.
    typealias Repetition = @Sendable (_ look: () async -> Void) async -> Void

    private static let everySecond: Repetition = { look in
        while (try? await Task.sleep(for: pause)) != nil { await look() }
    }

    /// Ends the session when a file of the inventory changes.
    func inventoryWatch(_ inventory: Inventory, repeating: @escaping Repetition = everySecond) -> SessionWatch {
        SessionWatch { [self] yield in
            var watch = inventory.watch
            await repeating {
                do throws(InventoryError) {
                    if try await watch.listedNames() != nil {
                        content.withLock { $0.hasInventoryChanged = true }
                        yield(.woke)
                    }
                    note(nil, of: .inventory)
                } catch {
                    note("cannot read the inventory again: \(error)", of: .inventory)
                }
            }
        }
    }

    /// Ends the session when the ledger has other promotions of the service.
    ///
    /// - Parameters:
    ///   - known: the last promotions.
    ///   - limit: how many of them are read again.
    func promotionWatch(
        _ ledger: Ledger, of service: DeployedService, known: [Promotion], limit: Int = 1_000,
        repeating: @escaping Repetition = everySecond
    ) -> SessionWatch {
        SessionWatch { [self] yield in
            await repeating {
                do {
                    // A ledger that cannot be read now is read again later.
                    if try await ledger.promotions(of: service, limit: limit) != known.suffix(limit) {
                        content.withLock { $0.havePromotionsChanged = true }
                        yield(.woke)
                    }
                    note(nil, of: .ledger)
                } catch {
                    note("cannot read the ledger: \(error)", of: .ledger)
                }
            }
        }
    }
}

/// Passes a session's events to the display.
private struct StatusObserver: SessionObserver {
    let display: StatusDisplay
    let state: WatchState

    mutating func turned(_ changes: [HostChange], of verification: Verification, at now: Duration) {
        display.flush(verification, at: now, problem: state.problem)
    }

    mutating func ended(_ verification: Verification, _ conclusion: Conclusion) {}
}
