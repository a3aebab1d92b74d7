package import Foundation
package import Ledger
package import Registry
package import Reports
import Shared
package import Verdict

/// Reads what drift is found in, from registry and ledger. Changes nothing.
package struct DriftReader: Sendable {
    /// The tag, as it was read before hosts were asked.
    package let named: ImageSource
    package let ledger: Ledger?
    /// The naming scheme of candidates.
    package let candidates: CandidatePattern

    package init(named: ImageSource, ledger: Ledger?, candidates: CandidatePattern) {
        (self.named, self.ledger, self.candidates) = (named, ledger, candidates)
    }

    private var image: ImageReference { named.reference }

    /// Of the candidates that nobody promoted, more are not looked at.
    static let maximumCandidates = 100
    private static let concurrency = 8

    package func drift(from report: Report, promotions: [Promotion], now: Date) async throws -> Drift {
        let candidates = try await candidates(promotions)
        let rules = DriftRules(
            image: image, tag: named.image, promotions: promotions,
            journal: try await ledger?.journal(repository: image.repository, tag: image.effectiveTag) ?? [],
            candidates: candidates,
            converged: try await ledger?.converged(
                service: report.target.service, generation: promotions.last?.generation ?? 0) ?? [:],
            report: report, now: now)
        return rules.drift()
    }

    /// The candidates whose commits were not promoted, as the registry has them.
    private func candidates(_ promotions: [Promotion]) async throws -> [ResolvedImage] {
        // However long the sweep took.
        let registry = named.client.until(.now + named.timeout)
        let pattern = self.candidates
        let known = Set(promotions.compactMap(\.gitSHA?.hex))
        let tags = try await registry.tags(of: image).filter { tag in
            pattern.commit(in: tag).map { !known.contains(String($0)) } ?? false
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

    /// nil for what is no image, or went away meanwhile: a candidate that cannot be used is nobody's drift.
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
