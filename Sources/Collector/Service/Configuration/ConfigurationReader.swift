import CollectorSupport
import Inventory
import Operations
import Shared
import Verdict

/// Reads the keys of a configuration, and collects every mistake.
struct ConfigurationReader {
    private(set) var problems: [String] = []
    var configuration = ServiceConfiguration()
    /// Where the keys that can be set once were set first.
    private var first: [String: String] = [:]
    private var hasFleets = false

    mutating func report(_ problem: String) { problems.append(problem) }

    mutating func read(_ bytes: [UInt8], named name: String) {
        do throws(InventoryError) {
            guard let root = try ConfigurationNode.parse(bytes, named: name), !root.isNull else { return }
            read(root)
        } catch {
            report("\(error)")
        }
    }

    /// The configuration of all files.
    mutating func configuration(named name: String) throws(ConfigurationError) -> ServiceConfiguration {
        // A mistake above may be the missing key.
        if problems.isEmpty, !hasFleets {
            report("\(name): fleets is missing: add fleets: [{service: canvas, inventory: /etc/buildinfo/fleet.yaml}]")
        }
        if configuration.listen.isEmpty, first["listen"] == nil,
            let address = ListenAddress(parsing: ServiceConfiguration.standardListen)
        {
            configuration.listen = [.init(value: address, place: name)]
        }
        requireProtection()
        checkHooks()
        guard problems.isEmpty else { throw ConfigurationError(problems) }
        return configuration
    }

    private mutating func requireProtection() {
        guard configuration.tokens.isEmpty, configuration.identities.isEmpty, !configuration.allowsAnonymous else {
            return
        }
        for address in configuration.listen where address.value.reach == .network {
            report(
                "\(address.place): listen '\(address.value)' is reachable from the network, and no access is configured: "
                    + "add access.tokens, or access: {anonymous: [read]}")
        }
    }

    // MARK: - The keys

    private mutating func read(_ root: ConfigurationNode) {
        let keys = ["listen", "public_url", "store", "access", "fleets", "hooks", "retention"]
        for (name, value) in members(root, of: "", keys) {
            switch name {
            case "listen": once(name, value) { $0.listen(value) }
            case "public_url": once(name, value) { $0.publicURL(value) }
            case "store": once(name, value) { $0.store(value) }
            case "access": access(value)
            case "fleets": fleets(value)
            case "hooks": hooks(value)
            case "retention": once(name, value) { $0.retention(value) }
            default: break
            }
        }
    }

    private mutating func once(
        _ key: String, _ value: ConfigurationNode, _ read: (inout ConfigurationReader) -> Void
    ) {
        if let before = first[key] {
            report("\(value.place): \(key) is set twice, first at \(before): remove one")
        } else {
            first[key] = value.place.description
            read(&self)
        }
    }

    mutating func listen(_ node: ConfigurationNode) {
        for (index, text) in texts(node, "listen").enumerated() {
            guard let address = ListenAddress(parsing: text.value) else {
                report(
                    "\(text.place): invalid listen[\(index)] '\(Self.shown(text.value))': \(ListenAddress.expected)")
                continue
            }
            configuration.listen.append(.init(value: address, place: text.place))
        }
    }

    private mutating func publicURL(_ node: ConfigurationNode) {
        guard let text = text(node, "public_url") else { return }
        guard text.value.hasPrefix("https://") || text.value.hasPrefix("http://"), !text.value.contains("@"),
            text.value.isVisibleASCII,
            !text.value.contains(where: { "?#\"'<>".contains($0) })
        else {
            return report(
                "\(text.place): invalid public_url '\(Self.shown(text.value))': expected https://HOST without query and user"
            )
        }
        configuration.publicURL = text.value.hasSuffix("/") ? String(text.value.dropLast()) : text.value
    }

    private mutating func store(_ node: ConfigurationNode) {
        guard let text = text(node, "store") else { return }
        guard !text.value.hasPrefix("postgresql://"), !text.value.hasPrefix("postgres://") else {
            return report("\(text.place): store in PostgreSQL is not supported yet: give the path of a file")
        }
        guard let path = absolute(text, "store") else { return }
        configuration.store = path
    }

    // MARK: - Access

    private mutating func access(_ node: ConfigurationNode) {
        for (name, value) in members(node, of: "access", ["tokens", "oidc", "anonymous", "tls"]) {
            switch name {
            case "oidc": identities(value)
            case "tokens": for (index, item) in list(value, "access.tokens").enumerated() { token(item, index) }
            case "anonymous": once("access.anonymous", value) { $0.anonymous(value) }
            case "tls": once("access.tls", value) { $0.tls(value) }
            default: break
            }
        }
    }

    private mutating func token(_ node: ConfigurationNode, _ index: Int) {
        let key = "access.tokens[\(index)]"
        let before = problems.count
        var path: ServiceConfiguration.Placed<String>?
        var scopes: Set<ServiceConfiguration.Scope> = []
        for (name, value) in members(node, of: key, ["file", "scopes"]) {
            switch name {
            case "file": path = file(value, "\(key).file")
            default: scopes = self.scopes(value, key)
            }
        }
        guard problems.count == before else { return }
        guard let path else { return report("\(node.place): \(key) has no file: add file: /PATH") }
        guard !scopes.isEmpty else { return report("\(node.place): \(key) has no scopes: add scopes: [read]") }
        configuration.tokens.append(.init(path: path, scopes: scopes))
    }

    mutating func scopes(_ node: ConfigurationNode, _ key: String) -> Set<ServiceConfiguration.Scope> {
        var scopes: Set<ServiceConfiguration.Scope> = []
        for word in texts(node, "\(key).scopes") {
            if let scope = ServiceConfiguration.Scope(rawValue: word.value) {
                scopes.insert(scope)
            } else {
                let known = ServiceConfiguration.Scope.allCases.map(\.rawValue)
                let near = Suggestion.question(about: word.value, among: known)
                report(
                    "\(word.place): unknown scope '\(Self.shown(word.value))' in \(key): "
                        + (near ?? "expected one of \(known.joined(separator: ", "))"))
            }
        }
        return scopes
    }

    private mutating func anonymous(_ node: ConfigurationNode) {
        for word in texts(node, "access.anonymous") {
            guard word.value == "read" else {
                report(
                    "\(word.place): access.anonymous '\(Self.shown(word.value))' is not allowed: without a token, only "
                        + "read is possible")
                continue
            }
            configuration.allowsAnonymous = true
        }
    }

    private mutating func tls(_ node: ConfigurationNode) {
        let before = problems.count
        var files: [String: ServiceConfiguration.Placed<String>] = [:]
        for (name, value) in members(node, of: "access.tls", ["certificate", "key", "client_ca"]) {
            files[name] = file(value, "access.tls.\(name)")
        }
        guard problems.count == before else { return }
        guard let certificate = files["certificate"], let key = files["key"] else {
            return report(
                "\(node.place): access.tls needs a certificate and its key: add certificate: /PATH and key: /PATH")
        }
        configuration.tls = .init(certificate: certificate, key: key, clientAuthorities: files["client_ca"])
    }

    // MARK: - Fleets

    private mutating func fleets(_ node: ConfigurationNode) {
        hasFleets = true
        for item in list(node, "fleets") {
            guard let fleet = fleet(item, "fleets[\(configuration.fleets.count)]") else { continue }
            if let other = configuration.fleets.first(where: { $0.deployed == fleet.deployed }) {
                report("\(fleet.place): a second fleet for \(fleet.deployed), first at \(other.place): remove one")
                continue
            }
            configuration.fleets.append(fleet)
        }
    }

    private mutating func fleet(_ node: ConfigurationNode, _ key: String) -> ServiceConfiguration.Fleet? {
        let before = problems.count
        var service: String?
        var environment = EnvironmentName.standard
        var inventory: ServiceConfiguration.Placed<String>?
        var fleet = ServiceConfiguration.Fleet(
            deployed: DeployedService("", in: .standard), inventory: .init(value: "", place: ""),
            place: node.place.description)
        let keys = ["service", "environment", "inventory", "image", "access", "policy", "check", "check_image"]
        var imageCheck: ConfigurationNode?
        for (name, value) in members(node, of: key, keys) {
            switch name {
            case "service":
                guard let text = text(value, "\(key).service") else { continue }
                guard ServiceName.isUsable(text.value) else {
                    report("\(text.place): \(key).service '\(Self.shown(text.value))' \(ServiceName.rule)")
                    continue
                }
                service = text.value
            case "environment":
                guard let text = text(value, "\(key).environment") else { continue }
                guard let name = EnvironmentName(text.value) else {
                    report("\(text.place): \(key).environment '\(Self.shown(text.value))' \(EnvironmentName.rule)")
                    continue
                }
                environment = name
            case "inventory":
                guard let text = text(value, "\(key).inventory") else { continue }
                guard text.value != "-" else {
                    report("\(text.place): \(key).inventory cannot be standard input: give a file, a URL or dns:NAME")
                    continue
                }
                inventory = text
            case "access": fleet.credentials = credentials(value, "\(key).access")
            case "policy": policy(value, "\(key).policy", &fleet)
            case "check":
                intervals(value, "\(key).check", &fleet.interval, within: Self.checkInterval)
            case "image": fleet.image = image(value, "\(key).image")
            case "check_image":
                imageCheck = value
                check(image: value, "\(key).check_image", &fleet.imageCheck)
            default: break
            }
        }
        guard problems.count == before else { return nil }
        if let imageCheck, fleet.image == nil {
            report("\(imageCheck.place): \(key).check_image has no image: add image: REGISTRY/REPOSITORY:TAG")
            return nil
        }
        guard let service else {
            report("\(node.place): \(key) has no service: add service: canvas")
            return nil
        }
        guard let inventory else {
            report("\(node.place): \(key) has no inventory: add inventory: /etc/buildinfo/fleet.yaml")
            return nil
        }
        fleet.deployed = DeployedService(service, in: environment)
        fleet.inventory = inventory
        return fleet
    }

    private mutating func credentials(_ node: ConfigurationNode, _ key: String) -> CredentialPaths {
        var paths = CredentialPaths(keyName: "\(key).key")
        for (name, value) in members(node, of: key, ["token_file", "ca", "cert", "key"]) {
            guard let file = file(value, "\(key).\(name)") else { continue }
            let named = CredentialPaths.File(file.value, "\(file.place): \(key).\(name)")
            switch name {
            case "token_file": paths.tokenFile = named
            case "ca": paths.ca = named
            case "cert": paths.cert = named
            default: paths.key = named
            }
        }
        if paths.key != nil, paths.cert == nil {
            report("\(node.place): \(key).key needs a certificate: add cert: /PATH")
        }
        return paths
    }

    private mutating func intervals(
        _ node: ConfigurationNode, _ key: String, _ interval: inout Duration, within limits: IntervalLimits
    ) {
        for (_, value) in members(node, of: key, ["interval"]) { self.interval(value, key, &interval, within: limits) }
    }

    typealias IntervalLimits = (range: ClosedRange<Duration>, text: String)
    private static let checkInterval: IntervalLimits = (.milliseconds(500) ... .seconds(3_600), "500ms to 1h")

    mutating func interval(
        _ value: ConfigurationNode, _ key: String, _ interval: inout Duration, within limits: IntervalLimits
    ) {
        guard let wanted = duration(value, "\(key).interval") else { return }
        guard limits.range.contains(wanted) else {
            return report(
                "\(value.place): \(key).interval \(wanted.brief) is out of range: expected \(limits.text)")
        }
        interval = wanted
    }

    private mutating func policy(
        _ node: ConfigurationNode, _ key: String, _ fleet: inout ServiceConfiguration.Fleet
    ) {
        let before = problems.count
        for (name, value) in members(node, of: key, PolicyKey.allCases.map(\.rawValue)) {
            guard let known = PolicyKey(rawValue: name) else { continue }
            let place = "\(key).\(name)"
            let values =
                known.takesSeveral ? texts(value, place) : text(value, place).map { [$0] } ?? []
            guard !values.isEmpty else { continue }
            do throws(PolicyKey.ValueError) {
                try known.set(values.map(\.value), in: &fleet.policy, &fleet.inventoryCheck)
            } catch {
                report("\(value.place): \(error.text(place, values.map(\.value).joined(separator: ", ")))")
            }
        }
        let policy = fleet.policy
        guard problems.count == before, policy.soak >= policy.timeout else { return }
        report(
            "\(node.place): \(key).soak \(policy.soak.brief) does not fit into timeout \(policy.timeout.brief): give a "
                + "longer timeout or a shorter soak, so that hosts can be proven in time")
    }

    // MARK: - Values

    static func shown(_ text: String) -> String { Sanitizer.singleLine(text, limit: 80) }

    /// The known keys of a mapping, in the order of the text.
    ///
    mutating func members(
        _ node: ConfigurationNode, of key: String, _ known: [String]
    ) -> [(String, ConfigurationNode)] {
        guard case .mapping(let pairs) = node.content else {
            if !node.isNull || !key.isEmpty {
                report(
                    "\(node.place): \(key.isEmpty ? "the file" : key) needs keys, not \(node.kind): known keys are "
                        + known.joined(separator: ", "))
            }
            return []
        }
        return pairs.compactMap { pair in
            guard case .scalar(let name) = pair.key.content else {
                report("\(pair.key.place): invalid key: expected a word, not \(pair.key.kind)")
                return nil
            }
            guard known.contains(name) else {
                let near = Suggestion.question(about: name, among: known)
                report(
                    "\(pair.key.place): unknown key '\(Self.shown(name))'\(key.isEmpty ? "" : " in \(key)"): "
                        + (near ?? "known keys are \(known.joined(separator: ", "))"))
                return nil
            }
            return (name, pair.value)
        }
    }

    mutating func list(_ node: ConfigurationNode, _ key: String) -> [ConfigurationNode] {
        guard case .sequence(let items) = node.content, !items.isEmpty else {
            let given = if case .sequence = node.content { "an empty one" } else { node.kind }
            report("\(node.place): \(key) needs a list with at least one entry, not \(given)")
            return []
        }
        return items
    }

    /// A text, or a list of them.
    mutating func texts(_ node: ConfigurationNode, _ key: String) -> [ServiceConfiguration.Placed<String>] {
        guard case .sequence = node.content else { return text(node, key).map { [$0] } ?? [] }
        return list(node, key).enumerated().compactMap { text($0.element, "\(key)[\($0.offset)]") }
    }

    mutating func text(_ node: ConfigurationNode, _ key: String) -> ServiceConfiguration.Placed<String>? {
        guard case .scalar(let text) = node.content, !text.isEmpty else {
            report("\(node.place): \(key) needs a value, not \(node.kind)")
            return nil
        }
        return .init(value: text, place: node.place.description)
    }

    mutating func file(_ node: ConfigurationNode, _ key: String) -> ServiceConfiguration.Placed<String>? {
        guard let text = text(node, key), absolute(text, key) != nil else { return nil }
        return text
    }

    private mutating func absolute(_ text: ServiceConfiguration.Placed<String>, _ key: String) -> String? {
        guard text.value.hasPrefix("/") else {
            report("\(text.place): invalid \(key) '\(Self.shown(text.value))': expected an absolute path")
            return nil
        }
        return text.value
    }

    mutating func duration(_ node: ConfigurationNode, _ key: String) -> Duration? {
        guard let text = text(node, key) else { return nil }
        do throws(PolicyKey.ValueError) {
            return try PolicyKey.duration(text.value)
        } catch {
            report("\(text.place): \(error.text(key, text.value))")
            return nil
        }
    }
}
