package import Shared

extension Forge {
    /// How a commit stands to its branch.
    ///
    /// - Throws: ``GateError/unavailable(_:)`` where the forge did not say, even when asked again until the deadline.
    package func standing(
        of sha: GitSHA, on branch: String, before deadline: ContinuousClock.Instant
    ) async throws(GateError) -> BranchPosition {
        do throws(ForgeError) {
            let head = try await Patience.retrying(before: deadline) { () async throws(ForgeError) in
                try await self.head(of: branch, before: deadline)
            }
            guard head != sha else { return .head }
            let isAncestor = try await Patience.retrying(before: deadline) { () async throws(ForgeError) in
                try await self.isAncestor(sha, of: head, before: deadline)
            }
            return .decide(sha, head: head, isAncestor: isAncestor)
        } catch {
            throw .unavailable("it is not known whether commit \(sha.short) is superseded: \(error)")
        }
    }

    /// The gate's rule: a commit is promoted only while it is its branch's head.
    package func requireHead(
        _ sha: GitSHA, of branch: String, before deadline: ContinuousClock.Instant
    ) async throws(GateError) {
        try await standing(of: sha, on: branch, before: deadline).requireHead(sha, of: branch)
    }

    /// How a new build's commit stands to the present one's. Never throws: not to know is an answer, see ``TagMove``.
    package func ancestry(
        of new: GitSHA, from present: GitSHA, before deadline: ContinuousClock.Instant
    ) async -> Ancestry {
        guard new != present else { return .same }
        do throws(ForgeError) {
            let isAncestor = try await Patience.retrying(before: deadline) { () async throws(ForgeError) in
                try await self.isAncestor(present, of: new, before: deadline)
            }
            return isAncestor ? .descendant : .notDescendant
        } catch {
            return .unknown(error.description)
        }
    }
}

/// Asks again what failed in a way that may pass.
package enum Patience {
    /// Tries until it succeeds, fails for good, or the next try would come too late.
    ///
    /// - Parameter pause: before the second try; doubled for each further one, 10 s at most.
    static func retrying<Value: Sendable>(
        before deadline: ContinuousClock.Instant, pause: Duration = .milliseconds(500),
        _ attempt: () async throws(ForgeError) -> Value
    ) async throws(ForgeError) -> Value {
        let clock = ContinuousClock()
        var pause = pause
        while true {
            let failure: ForgeError
            do throws(ForgeError) {
                return try await attempt()
            } catch {
                failure = error
            }
            let wanted: Duration
            switch failure.kind {
            case .transient: wanted = pause
            case .throttled(let asked): wanted = max(pause, asked ?? pause)
            case .unreadable, .refused, .late, .cancelled: throw failure
            }
            guard clock.now + wanted < deadline else { throw failure }
            do {
                try await clock.sleep(for: wanted)
            } catch {
                throw ForgeError(.cancelled, failure.description)
            }
            pause = min(pause * 2, .seconds(10))
        }
    }
}
