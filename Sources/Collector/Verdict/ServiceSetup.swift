package import Shared

/// The way in which a service runs on a host, as its agent reports it: the parameters of a remedy.
package struct ServiceSetup: Hashable, Sendable {
    package var service: String
    /// nil if no engine was asked: a file source, or a host without an agent.
    package var engine: EngineIdentity.Name?
    /// nil if the agent does not report it, because it is an older one or has no engine.
    package var deployment: Instance.Deployment?
    /// The container's name; nil without a container.
    package var container: String?
    /// The reference that the container was created from, as the operator wrote it; nil if unknown.
    package var reference: String?
    /// The number of the service's instances on the host.
    package var instances = 1

    package init(
        service: String, engine: EngineIdentity.Name? = nil, deployment: Instance.Deployment? = nil,
        container: String? = nil, reference: String? = nil, instances: Int = 1
    ) {
        self.service = service
        self.engine = engine
        self.deployment = deployment
        self.container = container
        self.reference = reference
        self.instances = instances
    }

    /// The setups of a document's instances: the first one, if they are all alike but for their names; else all.
    static func all(of document: Document) -> [ServiceSetup] {
        let setups = document.instances.map { instance in
            ServiceSetup(
                service: document.service, engine: document.engine?.name,
                deployment: document.engine == nil ? nil : instance.deployment,
                container: document.engine == nil ? nil : instance.name,
                reference: document.engine == nil ? nil : instance.image.reference,
                instances: document.instances.count)
        }
        guard let first = setups.first else {
            return [ServiceSetup(service: document.service, engine: document.engine?.name)]
        }
        let areAlike = setups.allSatisfy { $0.deployment == first.deployment && $0.reference == first.reference }
        return areAlike ? [first] : setups
    }
}

/// The image that a pull of a container's reference brings to its host.
package enum ImageTracking: Hashable, Sendable {
    /// The reference's tag moves with promotions: a pull brings the target.
    case moving(String)
    /// The reference names one build for good, by its digest or by its tag: a pull never brings the target.
    ///
    /// The first value is for display, with a short digest. `target` is a reference of the target; nil if its digest is
    /// unknown.
    case pinned(String, target: String?)
    /// The reference is unknown or cannot be parsed, for example an image id.
    case unknown

    /// - Parameter served: the commit that the container runs; nil if unknown.
    package init(_ setup: ServiceSetup, target: Target, served: GitSHA?) {
        var text = setup.reference ?? ""
        // Swarm adds the digest to each tag itself.
        if setup.deployment?.tool == .swarm, let at = text.firstIndex(of: "@"), text[..<at].contains(":") {
            text = String(text[..<at])
        }
        guard let reference = ImageReference(parsing: text), !Self.isImageID(text) else {
            self = .unknown
            return
        }
        let name = text.prefix { $0 != "@" }
        self =
            Self.isPinned(reference, target: target, served: served)
            ? .pinned(
                Sanitizer.singleLine(Self.shortened(text, reference), limit: 160),
                target: target.digest.map { "\(name.dropLast(reference.tag.map { $0.count + 1 } ?? 0))@\($0)" })
            : .moving(text)
    }

    private static func shortened(_ text: String, _ reference: ImageReference) -> String {
        reference.digest.map { "\(text.prefix { $0 != "@" })@\($0.short)" } ?? text
    }

    /// True for `sha256:…` and for shortened ids, which would be read as names on Docker Hub: some tools create containers
    /// from them.
    private static func isImageID(_ text: String) -> Bool {
        text.hasPrefix("sha256:") || text.utf8.count >= 12 && text.utf8.allSatisfy(isLowerHex)
    }

    private static func isPinned(_ reference: ImageReference, target: Target, served: GitSHA?) -> Bool {
        guard reference.digest == nil else { return reference.digest != target.digest }
        guard let tag = reference.tag else { return false }
        let wanted = target.image.flatMap { ImageReference(parsing: $0) }
        if let wanted, wanted.repository == reference.repository, wanted.effectiveTag == tag { return false }
        if let commit = target.gitSHA, names(commit, tag) { return false }
        if let served, names(served, tag) { return true }
        return isCommit(tag) || isVersion(tag)
    }

    /// True if a part of the tag is the commit, or its first seven digits or more: `staging-51a5c3e`.
    private static func names(_ commit: GitSHA, _ tag: String) -> Bool {
        parts(of: tag).contains { $0.utf8.count >= 7 && commit.hex.hasPrefix($0) }
    }

    /// True if a part of the tag can only be a commit: 40 or 64 hexadecimal digits, or 7 to 12 with letters and digits.
    private static func isCommit(_ tag: String) -> Bool {
        parts(of: tag).contains { part in
            guard part.utf8.allSatisfy(isLowerHex) else { return false }
            if [40, 64].contains(part.utf8.count) { return true }
            return (7...12).contains(part.utf8.count) && part.utf8.contains { $0 > UInt8(ascii: "9") }
                && part.utf8.contains { $0 <= UInt8(ascii: "9") }
        }
    }

    /// True for a complete version: `1.4.2`, `v1.4.2`, `1.4.2-alpine`. Shorter ones move by convention.
    private static func isVersion(_ tag: String) -> Bool {
        let core = (tag.hasPrefix("v") ? tag.dropFirst() : tag[...]).prefix { $0 != "-" }
        let numbers = core.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 3 && numbers.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy(isDigit) }
    }

    private static func parts(of tag: String) -> [Substring] { tag.split { "-._".contains($0) } }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isLowerHex(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
