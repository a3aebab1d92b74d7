import Foundation
import Glibc
import Ledger
import Logging
import Operations
import Shared
import Synchronization

/// Removes old verifications, their evidence and old changes of hosts once a day, and when the configuration was read again.
///
/// What the ledger keeps regardless of age, it keeps here, too: see ``LedgerRetention``.
final class Retention: Sendable {
    private let ledger: Ledger
    private let verifications: Verifications
    private let checks: FleetChecks
    private let logger: Logger
    private let age: Mutex<Duration?>
    private let changes = ChangeSignal()

    private static let interval = Duration.seconds(86_400)
    /// The time between two lines about the progress of one run.
    private static let reporting = Duration.seconds(10)

    /// - Parameter age: nil to remove nothing.
    init(of ledger: Ledger, _ verifications: Verifications, _ checks: FleetChecks, age: Duration?, logger: Logger) {
        self.ledger = ledger
        self.verifications = verifications
        self.checks = checks
        self.logger = logger
        self.age = Mutex(age)
    }

    /// Takes over a new configuration.
    func replace(_ age: Duration?) {
        self.age.withLock { $0 = age }
        changes.advance()
    }

    /// Runs until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            let number = changes.number
            if let age = age.withLock(\.self) { await prune(olderThan: age) }
            await changes.wait(after: number, for: Self.interval)
        }
    }

    private func prune(olderThan age: Duration) async {
        let now = Date()
        let reportedAt = Mutex(ContinuousClock.now)
        // The last changes of hosts that are checked stay.
        await checks.noteSeen()
        do {
            let result = try await ledger.prune(LedgerRetention(age: age), now: now) { [logger] removed, all in
                let isDue = reportedAt.withLock { last in
                    guard ContinuousClock.now - last >= Self.reporting else { return false }
                    last = .now
                    return true
                }
                if isDue { logger.notice("Pruning", metadata: ["removed": "\(removed)", "of": "\(all)"]) }
            }
            let files = try await removeEvidence(before: now.addingTimeInterval(-age.seconds))
            logger.notice(
                "Pruned",
                metadata: [
                    "ledger": "\(result.text().trimmingCharacters(in: .whitespacesAndNewlines))",
                    "evidence_files": "\(files)",
                ])
        } catch {
            logger.error("Pruning failed", metadata: ["error": "\(Sanitizer.singleLine("\(error)"))"])
        }
    }

    /// Removes evidence that was written before a time, and whose verification the ledger does not have.
    ///
    /// - Returns: the number of removed files.
    private func removeEvidence(before oldest: Date) async throws -> Int {
        let folder = verifications.evidenceFolder
        guard FileManager.default.fileExists(atPath: folder) else { return 0 }
        let ids = try FileManager.default.contentsOfDirectory(atPath: folder).compactMap(Self.id).filter { id in
            Self.isOld(verifications.evidencePath(id), before: oldest)
        }
        var removed = 0
        for id in try await ledger.unknownVerifications(among: ids) where verifications.running(id) == nil {
            if unlink(verifications.evidencePath(id)) == 0 { removed += 1 }
        }
        return removed
    }

    /// The verification of an evidence file; nil for any other file.
    private static func id(_ name: String) -> String? {
        guard name.hasSuffix(".ndjson") else { return nil }
        let id = String(name.dropLast(".ndjson".count))
        return RunID.isValid(id) ? id : nil
    }

    /// False for what is no file, or was removed meanwhile.
    private static func isOld(_ path: String, before oldest: Date) -> Bool {
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            guard attributes[.type] as? FileAttributeType == .typeRegular,
                let written = attributes[.modificationDate] as? Date
            else { return false }
            return written < oldest
        } catch {
            return false
        }
    }
}
