import Glibc
import Shared
import Transfer
import UnixSignals

/// Tries the gate with made-up fleets whose faults are known: a gate that cannot go red is none, nor one that is always red.
///
/// Every case runs ``VerificationRun``, as `verify` does, with real requests to small servers on loopback. Nothing of the
/// user's is read or written.
package struct Drill: Sendable {
    var cases = DrillCase.all
    /// Where the made-up hosts listen; anything but loopback is for tests.
    package var address = "127.0.0.1"
    /// Where a folder is made for as long as the drill runs.
    package var temporaryFolder = "/tmp"
    /// How many cases run at once, 1 or more.
    var width = Drill.width(openFiles: OpenFiles.raiseLimit())
    /// Is told what runs, some times a second.
    package var progress: DrillProgress?

    package init(
        cases: [DrillCase] = DrillCase.all, address: String = "127.0.0.1", temporaryFolder: String = "/tmp",
        width: Int = Drill.width(openFiles: OpenFiles.raiseLimit()), progress: DrillProgress? = nil
    ) {
        self.cases = cases
        self.address = address
        self.temporaryFolder = temporaryFolder
        self.width = width
        self.progress = progress
    }

    private static let tick = Duration.milliseconds(100)

    /// As many cases as the limit on open files allows: a transfer engine has two descriptors for each multi handle, and a
    /// case has some more for its hosts, their connections and a ledger.
    static func width(openFiles: Int) -> Int {
        let perCase = 2 * TransferLimits(openFiles: openFiles).multiHandles + 24
        return max(1, (openFiles - TransferLimits.reservedDescriptors) / perCase)
    }

    /// - Throws: where the drill itself cannot go on, or the user ends it.
    package func run() async throws(DrillError) -> DrillTable {
        try await DrillServer.check(address)
        let folder = try DrillFolder(in: temporaryFolder)
        defer { folder.remove() }
        let start = ContinuousClock.now
        // Held to the end: one of the cases sends this process a signal, and its own trap may go before the last one comes.
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
            outcomes[index].map { DrillTable.Row(drilled: cases[index], outcome: $0) }
        }
        return DrillTable(rows: rows, duration: .now - start)
    }

    /// What became of each case, by its index.
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
            // The one other error is that this task was cancelled, which is an interruption too.
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
        return try await DrillRun(drilled: cases[index], folder: subfolder, address: address).outcome()
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
                    // The signal's own watch may come to know of it later than a verification.
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
