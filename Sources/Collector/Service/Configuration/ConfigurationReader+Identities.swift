import Inventory
import Shared

/// `access.oidc`: the jobs of CI runners that may do something.
extension ConfigurationReader {
    mutating func identities(_ node: ConfigurationNode) {
        for (index, item) in list(node, "access.oidc").enumerated() { identity(item, "access.oidc[\(index)]") }
    }

    private mutating func identity(_ node: ConfigurationNode, _ key: String) {
        let before = problems.count
        var identity = ServiceConfiguration.Identity(issuer: .init(value: "", place: ""))
        var issuer: ServiceConfiguration.Placed<String>?
        var claims: ConfigurationNode?
        for (name, value) in members(node, of: key, ["issuer", "audience", "claims", "scopes", "ca"]) {
            switch name {
            case "issuer": issuer = self.issuer(value, "\(key).issuer")
            case "audience": identity.audiences = texts(value, "\(key).audience").map(\.value)
            case "claims":
                claims = value
                identity.claims = self.claims(value, "\(key).claims")
            case "scopes": identity.scopes = scopes(value, key)
            default: identity.authorities = file(value, "\(key).ca")
            }
        }
        guard problems.count == before else { return }
        guard let issuer else {
            return report(
                "\(node.place): \(key) has no issuer: add issuer: https://token.actions.githubusercontent.com")
        }
        guard !identity.audiences.isEmpty else {
            return report(
                "\(node.place): \(key) has no audience: add audience: buildinfo, and have the runner ask for it")
        }
        guard let claims else {
            return report(
                "\(node.place): \(key) has no claims: add claims: {repository: team/canvas}, or everybody with an account at the "
                    + "issuer gets these scopes")
        }
        guard identity.claims.keys.contains(where: { !Self.commonClaims.contains($0) }) else {
            return report(
                "\(claims.place): \(key).claims does not say whose job it is: add a claim such as repository, project_path or "
                    + "sub, or everybody with an account at the issuer gets these scopes")
        }
        guard !identity.scopes.isEmpty else {
            return report("\(node.place): \(key) has no scopes: add scopes: [verify]")
        }
        identity.issuer = issuer
        configuration.identities.append(identity)
    }

    /// Claims whose values jobs of every account can have.
    private static let commonClaims: Set<String> = [
        "base_ref", "environment", "environment_action", "environment_protected", "event_name", "head_ref", "iss",
        "aud",
        "pipeline_source", "ref", "ref_path", "ref_protected", "ref_type", "repository_visibility", "run_attempt",
        "run_number", "runner_environment", "workflow",
    ]

    private mutating func issuer(_ node: ConfigurationNode, _ key: String) -> ServiceConfiguration.Placed<String>? {
        guard let text = text(node, key) else { return nil }
        guard IssuerDiscovery.isPermitted(text.value), !text.value.contains("?") else {
            report(
                "\(text.place): invalid \(key) '\(Self.shown(text.value))': expected https://HOST/PATH as the tokens have it in "
                    + "'iss', or http:// on loopback")
            return nil
        }
        return text
    }

    private mutating func claims(_ node: ConfigurationNode, _ key: String) -> [String: Set<String>] {
        guard case .mapping(let pairs) = node.content, !pairs.isEmpty else {
            report(
                "\(node.place): \(key) needs names with values, not \(node.kind): for example {repository: team/canvas}"
            )
            return [:]
        }
        var claims: [String: Set<String>] = [:]
        for pair in pairs {
            guard case .scalar(let name) = pair.key.content, !name.isEmpty else {
                report("\(pair.key.place): invalid name in \(key): expected a word, not \(pair.key.kind)")
                continue
            }
            guard claims[name] == nil else {
                report("\(pair.key.place): \(key).\(Self.shown(name)) is set twice: write a list of its values")
                continue
            }
            let values = texts(pair.value, "\(key).\(Self.shown(name))")
            for value in values where value.value.contains("*") {
                report(
                    "\(value.place): \(key).\(Self.shown(name)) '\(Self.shown(value.value))' has a '*', but values are compared "
                        + "exactly: write a list of them, or use a broader claim such as repository_owner")
            }
            claims[name] = Set(values.map(\.value))
        }
        return claims
    }
}
