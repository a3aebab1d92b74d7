package import Shared

extension Forge {
    /// Reads the position of a commit relative to its branch.
    ///
    /// - Throws: ``GateError/unavailable(_:)`` if the forge could not be read, with retries until the deadline.
    package func standing(
        of sha: GitSHA, on branch: String, before deadline: ContinuousClock.Instant
    ) async throws(GateError) -> BranchPosition {
        do throws(ForgeError) {
            let head = try await ForgeRetry.retrying(before: deadline) { () async throws(ForgeError) in
                try await self.head(of: branch, before: deadline)
            }
            guard head != sha else { return .head }
            let isAncestor = try await ForgeRetry.retrying(before: deadline) { () async throws(ForgeError) in
                try await self.isAncestor(sha, of: head, before: deadline)
            }
            return .decide(sha, head: head, isAncestor: isAncestor)
        } catch {
            throw .unavailable("cannot check whether commit \(sha.short) is superseded: \(error)")
        }
    }

    /// Requires that a commit is its branch's head.
    package func requireHead(
        _ sha: GitSHA, of branch: String, before deadline: ContinuousClock.Instant
    ) async throws(GateError) {
        try await standing(of: sha, on: branch, before: deadline).requireHead(sha, of: branch)
    }

    /// Reads the relation of a new build's commit to the current one's. Never throws: see ``Ancestry/unknown(_:)``.
    package func ancestry(
        of new: GitSHA, from present: GitSHA, before deadline: ContinuousClock.Instant
    ) async -> Ancestry {
        guard new != present else { return .same }
        do throws(ForgeError) {
            let isAncestor = try await ForgeRetry.retrying(before: deadline) { () async throws(ForgeError) in
                try await self.isAncestor(present, of: new, before: deadline)
            }
            return isAncestor ? .descendant : .notDescendant
        } catch {
            return .unknown(error.description)
        }
    }
}

/// Retries after transient failures of a forge.
enum ForgeRetry {
    /// Retries until success, a permanent failure, or too little time for the next attempt.
    ///
    /// - Parameter pause: the pause before the second attempt. Doubles with each further one, up to 10 s.
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
            let nextPause: Duration
            switch failure.kind {
            case .transient: nextPause = pause
            case .throttled(let requested): nextPause = max(pause, requested ?? pause)
            case .unreadable, .refused, .late, .cancelled: throw failure
            }
            guard clock.now + nextPause < deadline else { throw failure }
            do {
                try await clock.sleep(for: nextPause)
            } catch {
                throw ForgeError(.cancelled, failure.description)
            }
            pause = min(pause * 2, .seconds(10))
        }
    }
}

/// The rule by which newer commits of a branch supersede a commit.
package enum SupersedingRule: String, CaseIterable, Sendable {
    /// By a newer commit with a candidate in the registry. A commit without a build (documentation, `[skip ci]`) does not
    /// supersede the last one that was built.
    case candidate
    /// By any newer commit.
    case head
}

/// The commits of a branch between a commit and a later one.
package struct BranchGap: Hashable, Sendable {
    /// A commit with its parents.
    struct Commit: Hashable, Sendable {
        var sha: GitSHA
        /// The parents; nil if the forge does not list them.
        var parents: [GitSHA]?
    }

    /// The most commits that are considered.
    package static let limit = 500
    /// The most pages of history that are read: enough for the commits between two promotions, within seconds.
    static let pages = 40

    /// The commits in the later one's history and not in the earlier one's, newest first. May include ancestors of the
    /// earlier one if commit dates are out of order.
    var commits: [Commit]

    /// The commits that descend from the earlier one, newest first. One with unknown parents counts as a descendant.
    func descendants(of sha: GitSHA) -> [GitSHA] {
        var known: Set<GitSHA> = [sha]
        var isFinished = false
        while !isFinished {
            isFinished = true
            // Oldest first, so that one pass suffices if dates are in order.
            for commit in commits.reversed() where !known.contains(commit.sha) {
                guard commit.parents?.contains(where: known.contains) ?? true else { continue }
                known.insert(commit.sha)
                isFinished = false
            }
        }
        return commits.map(\.sha).filter { known.contains($0) && $0 != sha }
    }
}

extension BranchGap {
    static func tooMany(after sha: GitSHA, _ place: String) -> ForgeError {
        ForgeError(
            .refused(status: 0),
            "\(place): more than \(limit) commits after \(sha.short): promote a newer one, or give --superseded-by head"
        )
    }
}

extension Forge {
    /// Requires that a commit is on its branch and no newer commit has a candidate (``SupersedingRule/candidate``).
    ///
    /// - Parameter candidateExists: asks the registry. Its error is rethrown: unknown does not mean absent.
    /// - Returns: the finding, as a clause for the promotion's record.
    package func requireNoCandidate(
        after sha: GitSHA, of branch: String, before deadline: ContinuousClock.Instant,
        candidateExists: (GitSHA) async throws -> Bool
    ) async throws -> String {
        let name = Sanitizer.singleLine(branch, limit: 100)
        let standing = try await standing(of: sha, on: branch, before: deadline)
        guard case .superseded(let head) = standing else {
            try standing.requireHead(sha, of: branch)
            return "\(name) is at \(sha.short)"
        }
        let newer: [GitSHA]
        do throws(ForgeError) {
            let gap = try await ForgeRetry.retrying(before: deadline) { () async throws(ForgeError) in
                try await self.commits(after: sha, upTo: head, before: deadline)
            }
            newer = gap.descendants(of: sha)
        } catch {
            throw GateError.unavailable("cannot check whether commit \(sha.short) is superseded: \(error)")
        }
        for commit in newer where try await candidateExists(commit) {
            throw GateError.superseded(
                "commit \(sha.short) is superseded: commit \(commit.short) of \(name) descends from it and has a candidate in the "
                    + "registry")
        }
        let count = newer.count == 1 ? "1 newer commit" : "\(newer.count) newer commits"
        return "\(name) is at \(head.short): \(count) without a candidate"
    }
}
