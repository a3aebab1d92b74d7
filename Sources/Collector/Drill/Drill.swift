package import CollectorSupport
import Glibc
package import Shared
import Transfer
import UnixSignals

/// Tests the gate with simulated fleets whose faults are known: a gate that cannot go red is useless, and so is one that is
/// always red.
///
/// Every case runs ``VerificationRun``, as `verify` does, with real requests to small servers on loopback. The user's files are
/// neither read nor written.
package struct Drill: Sendable {
    private let cases: [DrillCase]
    /// The address of the simulated hosts; anything but loopback is for tests.
    private let address: String
    /// The folder for the drill's own temporary folder.
    private let temporaryFolder: String
    /// The number of cases that run at once, 1 or more.
    private let width: Int
    private let progress: DrillProgress?

    package init(temporaryFolder: String, progress: DrillProgress?) {
        self.init(cases: DrillCase.all, temporaryFolder: temporaryFolder, progress: progress)
    }

    init(
        cases: [DrillCase], address: String = "127.0.0.1", temporaryFolder: String,
        width: Int = Drill.width(openFiles: OpenFiles.raiseLimit()), progress: DrillProgress? = nil
    ) {
        self.cases = cases
        self.address = address
        self.temporaryFolder = temporaryFolder
        self.width = width
        self.progress = progress
    }

    private static let tick = Duration.milliseconds(100)

    /// The number of cases that the limit on open files allows: a transfer client has two descriptors per multi handle, and a
    /// case needs some more for its hosts, their connections and a ledger.
    static func width(openFiles: Int) -> Int {
        let perCase = 2 * TransferLimits(openFiles: openFiles).multiHandles + 24
        return max(1, (openFiles - TransferLimits.reservedDescriptors) / perCase)
    }

    /// - Throws: if the drill cannot run, or the user interrupts it.
    package func run() async throws(DrillError) -> DrillTable {
        try await DrillServer.check(address)
        let folder = try DrillFolder(in: temporaryFolder)
        defer { folder.remove() }
        let start = ContinuousClock.now
        // Kept until the end: one of the cases sends this process a signal, and its own trap may be removed before the last one.
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        let result: Result<[Int: DrillOutcome], DrillError>
        do throws(DrillError) {
            result = .success(try await outcomes(in: folder, signals: signals))
        } catch {
            result = .failure(error)
        }
        withExtendedLifetime(signals) {}
        progress?.clear()
        let outcomes = try result.get()
        let rows = cases.indices.compactMap { index in
            outcomes[index].map { DrillTable.Row(drillCase: cases[index], outcome: $0) }
        }
        return DrillTable(rows: rows, duration: .now - start)
    }

    /// The outcome of each case, by its index.
    private func outcomes(
        in folder: DrillFolder, signals: UnixSignalsSequence
    ) async throws(DrillError) -> [Int: DrillOutcome] {
        let (together, alone) = (
            cases.indices.filter { !cases[$0].runsAlone }, cases.indices.filter { cases[$0].runsAlone }
        )
        var outcomes: [Int: DrillOutcome]
        do {
            outcomes = try await runTogether(together, in: folder, signals: signals)
        } catch {
            // The only other error is the cancellation of this task, which is an interruption too.
            throw error as? DrillError ?? .interrupted(signal: SIGINT)
        }
        for index in alone {
            progress?.show(done: outcomes.count, of: cases.count, running: [cases[index].name])
            outcomes[index] = try await run(index, in: folder)
        }
        return outcomes
    }

    private func run(_ index: Int, in folder: DrillFolder) async throws(DrillError) -> DrillOutcome {
        let subfolder = try folder.subfolder("\(index)")
        return try await DrillRun(drillCase: cases[index], folder: subfolder, address: address).outcome()
    }

    private enum Event: Sendable {
        case ended(Int, DrillOutcome)
        case signal(Int32)
        case tick
    }

    private func runTogether(
        _ indices: [Int], in folder: DrillFolder, signals: UnixSignalsSequence
    ) async throws -> [Int: DrillOutcome] {
        try await withThrowingTaskGroup(of: Event?.self) { group in
            var waiting = indices[...]
            var outcomes: [Int: DrillOutcome] = [:]
            group.addTask {
                for await signal in signals { return .signal(signal == .sigterm ? SIGTERM : SIGINT) }
                return nil
            }
            for index in waiting.prefix(width) {
                group.addTask { .ended(index, try await run(index, in: folder)) }
            }
            waiting = waiting.dropFirst(width)
            if progress != nil { group.addTask { try await Self.nextTick() } }
            while outcomes.count < indices.count, let event = try await group.next() {
                switch event {
                case .ended(let index, let outcome):
                    // A verification may notice the signal before this group does.
                    if let signal = outcome.signal { throw DrillError.interrupted(signal: signal) }
                    outcomes[index] = outcome
                    if let next = waiting.popFirst() {
                        group.addTask { .ended(next, try await run(next, in: folder)) }
                    }
                case .signal(let signal): throw DrillError.interrupted(signal: signal)
                case .tick:
                    let running = indices.filter { outcomes[$0] == nil && !waiting.contains($0) }
                    progress?.show(
                        done: outcomes.count, of: cases.count, running: running.map { cases[$0].name })
                    group.addTask { try await Self.nextTick() }
                case nil: break
                }
            }
            group.cancelAll()
            return outcomes
        }
    }

    private static func nextTick() async throws -> Event {
        try await Task.sleep(for: tick)
        return .tick
    }
}

/// The progress of a drill on a terminal: one line, redrawn in place.
package struct DrillProgress: Sendable {
    private let terminal: Terminal
    private let start = ContinuousClock.now

    /// nil unless the terminal is interactive: a drill ends before a log needs progress.
    package init?(on terminal: Terminal, environment: [String: String]) {
        guard terminal.isInteractive(environment: environment) else { return nil }
        self.terminal = terminal
    }

    func show(done: Int, of count: Int, running: [String]) {
        let elapsed = ContinuousClock.now - start
        terminal.write(
            "\r\u{1B}[J"
                + Self.line(done, count, running, elapsed: elapsed, columns: terminal.size.columns, terminal.layout))
    }

    func clear() {
        terminal.write("\r\u{1B}[J")
    }

    /// Fits into one row, so that the next drawing replaces it.
    static func line(
        _ done: Int, _ count: Int, _ running: [String], elapsed: Duration, columns: Int, _ layout: TextLayout = .file
    )
        -> String
    {
        let names = running.joined(separator: ", ")
        return "drill  \(elapsed.elapsedText)  \(done) of \(count) fleets judged; now: \(names)".clipped(
            toColumns: columns, ellipsis: layout.ellipsis)
    }
}

/// The reason that a drill failed.
package enum DrillError: ExitCoded, Hashable {
    /// The simulated hosts cannot be reached.
    case noLoopback(address: String, reason: String)
    /// The temporary folder cannot be used.
    case noFolder(path: String, reason: String)
    /// The gate misjudged these cases.
    case misjudged([String], of: Int)
    /// The user interrupted the drill.
    case interrupted(signal: Int32)

    package var exitStatus: ExitStatus {
        switch self {
        case .noLoopback, .noFolder: .unavailable
        // No verdict has this code: a pipeline must not mistake a failed drill for a failed deploy.
        case .misjudged: .failure
        case .interrupted(let signal): .interrupted(by: signal)
        }
    }

    package var description: String {
        switch self {
        case .noLoopback(let address, let reason):
            "cannot reach the drill's simulated hosts on \(address) (\(reason)): bring up the loopback interface"
        case .noFolder(let path, let reason):
            "cannot use the temporary folder '\(Sanitizer.singleLine(path, limit: 200))' (\(reason)): name another with TMPDIR"
        case .misjudged(let names, let count):
            "the gate misjudged \(names.count) of \(count) simulated fleets (\(Sanitizer.singleLine(names.joined(separator: ", ")))): "
                + "do not trust verify on this machine until the cause is found"
        case .interrupted: "the drill was interrupted: it proved nothing about the gate"
        }
    }
}
