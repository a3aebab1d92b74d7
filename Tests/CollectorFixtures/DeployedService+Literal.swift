import Verdict

/// A service in the default environment.
extension DeployedService: ExpressibleByStringLiteral {
    package init(stringLiteral name: String) {
        self.init(name, in: .standard)
    }

    /// `canvas` in an environment.
    static func canvas(in environment: String) -> DeployedService {
        DeployedService("canvas", in: EnvironmentName(environment) ?? .standard)
    }
}
