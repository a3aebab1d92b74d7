import Foundation
package import Ledger
package import Registry
import Reports
import Shared
import Verdict

/// Reads the tag, the candidates and the ledger to find drift. It changes nothing.
package struct DriftReader: Sendable {
    /// The tag, as it was read before the hosts were asked.
    private let named: ImageSource
    private let ledger: Ledger?
    private let candidates: CandidatePattern

    package init(named: ImageSource, ledger: Ledger?, candidates: CandidatePattern = .standard) {
        self.named = named
        self.ledger = ledger
        self.candidates = candidates
    }

    private var image: ImageReference { named.reference }

    /// The most unpromoted candidates to examine.
    private static let maximumCandidates = 100
    private static let concurrency = 8

    func drift(from report: Report, promotions: [Promotion], now: Date) async throws -> Drift {
        let candidates = try await unpromotedCandidates(promotions)
        let rules = DriftRules(
            image: image, tag: named.image, promotions: promotions,
            journal: try await ledger?.journal(repository: image.repository, tag: image.effectiveTag) ?? [],
            candidates: candidates,
            converged: try await ledger?.converged(
                on: promotions.last?.generation ?? 0, of: report.target.deployed) ?? [:],
            report: report, now: now)
        return rules.drift()
    }

    /// The images of the candidates whose commits were never promoted.
    private func unpromotedCandidates(_ promotions: [Promotion]) async throws -> [ResolvedImage] {
        // A new deadline, independent of the duration of the sweep.
        let registry = named.client.until(.now + named.timeout)
        let known = Set(promotions.compactMap(\.gitSHA?.hex))
        let tags = try await registry.tags(of: image).filter { tag in
            candidates.commit(in: tag).map { !known.contains(String($0)) } ?? false
        }.prefix(Self.maximumCandidates)
        return try await withThrowingTaskGroup(of: ResolvedImage?.self) { group in
            var rest = tags[...]
            func next() {
                guard let tag = rest.popFirst(), let reference = ImageReference(parsing: "\(image.repository):\(tag)")
                else { return }
                group.addTask { try await Self.usable(reference, registry) }
            }
            for _ in 0..<Self.concurrency { next() }
            var found: [ResolvedImage] = []
            while let image = try await group.next() {
                if let image { found.append(image) }
                next()
            }
            return found
        }
    }

    /// nil for a tag that is not an image or was removed meanwhile: an unusable candidate is not drift.
    private static func usable(
        _ reference: ImageReference, _ registry: RegistryClient
    ) async throws(RegistryError) -> ResolvedImage? {
        do throws(RegistryError) {
            return try await registry.resolve(reference)
        } catch .absent, .unusable {
            return nil
        }
    }
}
