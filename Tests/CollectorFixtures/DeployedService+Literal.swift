import Verdict

/// A service in the default environment.
extension DeployedService: ExpressibleByStringLiteral {
    package init(stringLiteral name: String) {
        self.init(name, in: .standard)
    }
}
