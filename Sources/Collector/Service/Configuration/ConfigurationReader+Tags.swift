import CollectorSupport
import Inventory
import Operations
import Registry
import Shared
import Verdict

/// The keys of what makes the service read tags, and of retention.
extension ConfigurationReader {
    mutating func image(
        _ node: ConfigurationNode, _ key: String
    ) -> ServiceConfiguration.Placed<ImageReference>? {
        guard let text = text(node, key) else { return nil }
        guard let image = ImageReference(parsing: text.value) else {
            report("\(text.place): invalid \(key) '\(Self.shown(text.value))': expected REGISTRY/REPOSITORY:TAG")
            return nil
        }
        guard image.digest == nil else {
            report("\(text.place): \(key) '\(Self.shown(text.value))' is a digest, which cannot move: name a tag")
            return nil
        }
        return .init(value: image, place: text.place)
    }

    mutating func check(
        image node: ConfigurationNode, _ key: String, _ check: inout ServiceConfiguration.ImageCheck
    ) {
        for (name, value) in members(node, of: key, ["interval", "candidate", "auth_file", "ca", "plain_http"]) {
            switch name {
            case "interval":
                interval(value, key, &check.interval, within: (.seconds(1) ... .seconds(3_600), "1s to 1h"))
            case "candidate":
                guard let text = text(value, "\(key).candidate") else { continue }
                do throws(CandidatePattern.ParseError) {
                    check.candidates = try CandidatePattern(parsing: text.value)
                } catch {
                    report("\(text.place): invalid \(key).candidate '\(Self.shown(text.value))': \(error)")
                }
            case "auth_file": check.authFile = file(value, "\(key).auth_file")
            case "ca": check.ca = file(value, "\(key).ca")
            default:
                guard let text = text(value, "\(key).plain_http") else { continue }
                guard ["true", "false"].contains(text.value) else {
                    report(
                        "\(text.place): invalid \(key).plain_http '\(Self.shown(text.value))': expected true or false")
                    continue
                }
                check.usesPlainHTTP = text.value == "true"
            }
        }
        guard check.usesPlainHTTP, let ca = check.ca else { return }
        report("\(ca.place): \(key).plain_http and \(key).ca exclude each other: remove one of them")
    }

    // MARK: - Hooks

    mutating func hooks(_ node: ConfigurationNode) {
        for item in list(node, "hooks") {
            guard let hook = hook(item, "hooks[\(configuration.hooks.count)]") else { continue }
            if let other = configuration.hooks.first(where: { $0.name.value == hook.name.value }) {
                report(
                    "\(hook.name.place): a second hook '\(hook.name.value)', first at \(other.name.place): rename one")
                continue
            }
            configuration.hooks.append(hook)
        }
    }

    private mutating func hook(_ node: ConfigurationNode, _ key: String) -> ServiceConfiguration.HookEntry? {
        let before = problems.count
        var name: ServiceConfiguration.Placed<String>?
        var kind: Hook.Kind?
        var secretFile: ServiceConfiguration.Placed<String>?
        var fleets: [ServiceConfiguration.Placed<DeployedService>]?
        for (member, value) in members(node, of: key, ["name", "kind", "secret_file", "fleets"]) {
            switch member {
            case "name":
                guard let text = text(value, "\(key).name") else { continue }
                guard ServiceName.isUsable(text.value) else {
                    report(
                        "\(text.place): invalid \(key).name '\(Self.shown(text.value))': use letters, digits, '.', '_' and "
                            + "'-', at most 128")
                    continue
                }
                name = text
            case "kind":
                guard let text = text(value, "\(key).kind") else { continue }
                kind = Hook.Kind(rawValue: text.value)
                guard kind == nil else { continue }
                let known = Hook.Kind.allCases.map(\.rawValue)
                let near = Suggestion.question(about: text.value, among: known)
                report(
                    "\(text.place): unknown \(key).kind '\(Self.shown(text.value))': "
                        + (near ?? "expected one of \(known.joined(separator: ", "))"))
            case "secret_file": secretFile = file(value, "\(key).secret_file")
            default: fleets = texts(value, "\(key).fleets").compactMap { fleet($0, "\(key).fleets") }
            }
        }
        guard problems.count == before else { return nil }
        guard let name else {
            report("\(node.place): \(key) has no name: add name: registry")
            return nil
        }
        guard let kind else {
            report("\(node.place): \(key) has no kind: add kind: distribution")
            return nil
        }
        if let secretFile, !kind.isSigned {
            report(
                "\(secretFile.place): \(key).secret_file is not used by this kind: give the sender a token with the scope hook"
            )
            return nil
        }
        return .init(name: name, kind: kind, secretFile: secretFile, fleets: fleets)
    }

    private mutating func fleet(
        _ text: ServiceConfiguration.Placed<String>, _ key: String
    ) -> ServiceConfiguration.Placed<DeployedService>? {
        let parts = text.value.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, ServiceName.isUsable(parts[0]),
            let environment = parts.count == 2 ? EnvironmentName(parts[1]) : .standard
        else {
            report("\(text.place): invalid \(key) '\(Self.shown(text.value))': expected SERVICE or SERVICE/ENVIRONMENT")
            return nil
        }
        return .init(value: DeployedService(parts[0], in: environment), place: text.place)
    }

    /// Checks the hooks against the rest of the configuration.
    mutating func checkHooks() {
        let watched = Set(configuration.fleets.filter { $0.image != nil }.map(\.deployed))
        let hasToken = configuration.tokens.contains { $0.scopes.contains(.hook) }
        for hook in configuration.hooks {
            if hook.secretFile == nil, !hasToken {
                let remedy =
                    hook.kind.isSigned ? "add secret_file: /PATH" : "add a token with scopes: [hook] to access.tokens"
                report("\(hook.name.place): the hook '\(hook.name.value)' accepts no sender: \(remedy)")
            }
            // A mistake in a fleet may be the reason that it is missing.
            guard problems.isEmpty else { continue }
            if watched.isEmpty {
                report("\(hook.name.place): the hook '\(hook.name.value)' has no tag to read: add image to a fleet")
            }
            for fleet in hook.fleets ?? [] where !watched.contains(fleet.value) {
                report(
                    "\(fleet.place): no fleet '\(fleet.value)' with an image is configured: add image to it, or correct the "
                        + "name")
            }
        }
    }

    // MARK: - Retention

    mutating func retention(_ node: ConfigurationNode) {
        for (name, value) in members(node, of: "retention", ["verifications"]) {
            guard let age = duration(value, "retention.\(name)") else { continue }
            guard age >= .seconds(86_400) else {
                report(
                    "\(value.place): retention.\(name) \(age.brief) is too short: expected 1d or more, for example 90d")
                continue
            }
            configuration.verificationAge = age
        }
    }
}
