import Foundation
import Shared

/// Reads what drift is found in, from registry and ledger. Changes nothing.
struct DriftReader: Sendable {
    let registry: RegistryClient
    let image: ImageReference
    let ledger: Ledger?

    /// Of the candidates that nobody promoted, more are not looked at.
    static let maximumCandidates = 100
    private static let concurrency = 8

    func drift(from report: Report, promotions: [Promotion], now: Date) async throws -> Drift {
        let tag = try await present(image)
        let candidates = try await candidates(promotions)
        let rules = DriftRules(
            image: image, tag: tag, promotions: promotions,
            journal: try await ledger?.journal(repository: image.repository, tag: image.effectiveTag) ?? [],
            candidates: candidates,
            converged: try await ledger?.converged(
                service: report.target.service, generation: promotions.last?.generation ?? 0) ?? [:],
            report: report, now: now)
        return rules.drift()
    }

    /// The candidates whose commits were not promoted, as the registry has them.
    private func candidates(_ promotions: [Promotion]) async throws -> [ResolvedImage] {
        let known = Set(promotions.compactMap(\.gitSHA?.hex))
        let tags = try await registry.tags(of: image).filter { tag in
            TagRules.commit(of: tag).map { !known.contains(String($0)) } ?? false
        }.prefix(Self.maximumCandidates)
        return try await withThrowingTaskGroup(of: ResolvedImage?.self) { group in
            var rest = tags[...]
            func next() {
                guard let tag = rest.popFirst(), let reference = ImageReference(parsing: "\(image.repository):\(tag)")
                else { return }
                group.addTask { try await resolve(reference) }
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

    /// nil where the registry says that there is no such tag.
    private func present(_ reference: ImageReference) async throws(RegistryError) -> ResolvedImage? {
        do throws(RegistryError) {
            return try await registry.resolve(reference)
        } catch .absent(_, .tag), .absent(_, .repository) {
            return nil
        }
    }

    /// nil for what is no image, or went away meanwhile: a candidate that cannot be used is nobody's drift.
    private func resolve(_ reference: ImageReference) async throws(RegistryError) -> ResolvedImage? {
        do throws(RegistryError) {
            return try await registry.resolve(reference)
        } catch .absent, .unusable {
            return nil
        }
    }
}
