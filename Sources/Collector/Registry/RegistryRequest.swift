import Shared
import Transfer

/// One request to a registry's API, before anybody knows where the registry is and how it lets us in.
package struct RegistryRequest: Sendable {
    /// What a person calls it: the reference that it is about.
    var subject: String
    var repository: ImageReference
    var method = TransferRequest.Method.get
    /// Behind `/v2/`.
    var path: String
    var headers: [(name: String, value: String)] = []
    /// Whether it is sent on a connection of its own, and asks caches in between to ask again: what was written a moment ago
    /// may be on one of a registry's machines and not yet on the others.
    var isFresh = false

    /// Whether doing it twice is the same as doing it once, and leaves nothing behind.
    var isReading: Bool { method == .get || method == .head }

    /// The scope of a token that lets it pass.
    var scope: String { "repository:\(repository.path):\(isReading ? "pull" : "pull,push")" }
}
