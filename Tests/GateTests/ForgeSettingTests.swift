import ArgumentParser
import Shared
import Support
import Testing

@testable import Collector
@testable import CollectorSupport
@testable import Gate
@testable import Transfer

@Suite("Gate, forge: where it is, and whose token goes there")
struct ForgeSettingTests {
    @Test(
        "An address becomes the API's",
        arguments: [
            (ForgeKind.gitea, "git.example", "https://git.example/api/v1", "git.example"),
            (.gitea, "https://Git.Example:3000/", "https://git.example:3000/api/v1", "git.example:3000"),
            (.gitea, "https://git.example/sub/api/v1/", "https://git.example/sub/api/v1", "git.example"),
            (.gitea, "http://127.0.0.1:3000", "http://127.0.0.1:3000/api/v1", "127.0.0.1:3000"),
            (.gitea, "http://localhost:3000", "http://localhost:3000/api/v1", "localhost:3000"),
            (.github, "https://github.com", "https://api.github.com", "api.github.com"),
            (.github, "https://api.github.com", "https://api.github.com", "api.github.com"),
            (.github, "https://ghe.example/api/v3", "https://ghe.example/api/v3", "ghe.example"),
            (.github, "https://ghe.example", "https://ghe.example/api/v3", "ghe.example"),
            (.github, "https://acme.ghe.com", "https://api.acme.ghe.com", "api.acme.ghe.com"),
        ])
    func addresses(kind: ForgeKind, text: String, api: String, authority: String) throws {
        let address = try ForgeAddress(kind, parsing: text)
        #expect(address.api == api)
        #expect(address.authority == authority)
    }

    @Test(
        "What the token must not be sent to is refused",
        arguments: [
            "http://git.example", "http://127.0.0.1.example", "https://user:pw@git.example", "ftp://git.example",
            "https://git.example/?x=y", "https://git.example/#x", "https://", "https://git example",
        ])
    func refused(text: String) {
        #expect(throws: ForgeAddress.Defect.self) { try ForgeAddress(.gitea, parsing: text) }
    }

    /// The API that is asked, and the token that is sent; or the exit code.
    private static func setting(_ arguments: [String] = [], _ environment: [String: String]) -> (String, String?) {
        do {
            let options = try ForgeOptions.parse(arguments)
            let setting = try ForgeSetting(
                flagKind: options.forge, flagURL: options.forgeURL, environment: environment)
            return (setting.address.api, try setting.environmentToken(environment))
        } catch {
            return ("64", nil)
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var arguments: [String] = []
        var environment: [String: String]
        var api: String
        var token: String?

        var testDescription: String { name }
    }

    private static let gitHubRunner = [
        "GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_API_URL": "https://api.github.com",
        "GITHUB_TOKEN": "hub",
    ]
    private static let giteaRunner = [
        "GITHUB_ACTIONS": "true", "GITEA_ACTIONS": "true", "GITHUB_SERVER_URL": "https://git.example",
        "GITHUB_API_URL": "https://git.example/api/v1", "GITHUB_TOKEN": "tea",
    ]

    static let cases: [Case] = [
        .init(name: "a runner of GitHub", environment: gitHubRunner, api: "https://api.github.com", token: "hub"),
        .init(name: "a runner of Gitea", environment: giteaRunner, api: "https://git.example/api/v1", token: "tea"),
        .init(
            name: "a runner of Gitea with a token of its own",
            environment: giteaRunner.merging(["GITEA_TOKEN": "own"]) { $1 }, api: "https://git.example/api/v1",
            token: "own"),
        .init(
            name: "GITEA_HOST and its token", environment: ["GITEA_HOST": "git.example", "GITEA_TOKEN": "tea"],
            api: "https://git.example/api/v1", token: "tea"),
        .init(
            name: "GITEA_HOST on a runner of GitHub: GitHub's token is not sent there",
            environment: gitHubRunner.merging(["GITEA_HOST": "git.example"]) { $1 }, api: "64"),
        .init(
            name: "GITEA_HOST and both tokens on a runner of GitHub",
            environment: gitHubRunner.merging(["GITEA_HOST": "git.example", "GITEA_TOKEN": "tea"]) { $1 },
            api: "https://git.example/api/v1", token: "tea"),
        .init(
            name: "another Gitea than the runner's: its token is not sent there",
            arguments: ["--forge-url", "https://other.example"], environment: giteaRunner, api: "64"),
        .init(
            name: "another Gitea than GITEA_HOST: its token is not sent there",
            arguments: ["--forge-url", "https://other.example"],
            environment: ["GITEA_HOST": "git.example", "GITEA_TOKEN": "tea"], api: "64"),
        .init(
            name: "GitHub, asked from a runner of Gitea: Gitea's token is not sent there",
            arguments: ["--forge", "github"], environment: giteaRunner, api: "64"),
        .init(
            name: "a token that was set by hand",
            arguments: ["--forge", "gitea", "--forge-url", "https://git.example"],
            environment: ["GITEA_TOKEN": "tea"], api: "https://git.example/api/v1", token: "tea"),
        .init(
            name: "no token", arguments: ["--forge", "gitea", "--forge-url", "https://git.example"], environment: [:],
            api: "https://git.example/api/v1"),
        .init(
            name: "a Gitea whose address is GitHub's", arguments: ["--forge", "gitea"],
            environment: ["GITHUB_SERVER_URL": "https://github.com"], api: "64"),
        .init(name: "no forge", environment: [:], api: "64"),
        .init(name: "a Gitea without an address", arguments: ["--forge", "gitea"], environment: [:], api: "64"),
        .init(
            name: "a token of two lines", environment: ["GITEA_HOST": "git.example", "GITEA_TOKEN": "a\r\nX: y"],
            api: "64"),
        .init(
            name: "empty variables are unset",
            environment: giteaRunner.merging(["GITEA_HOST": "", "GITEA_TOKEN": ""]) { $1 },
            api: "https://git.example/api/v1", token: "tea"),
    ]

    @Test("The environment of runners is understood, and no token goes to another host", arguments: cases)
    func environments(example: Case) {
        let (api, token) = Self.setting(example.arguments, example.environment)
        #expect(api == example.api)
        #expect(token == example.token)
    }

    @Test("The options make a forge of it; the token comes from a file first")
    func options() async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("token", "from-a-file\n")
        let web = try WebClient()
        let arguments = ["--forge-url", "https://other.example", "--forge-token-file", file]
        let forge = try ForgeOptions.parse(arguments).forge(
            environment: Self.giteaRunner.merging(["GITHUB_REPOSITORY": "acme/canvas"]) { $1 }, web: web)
        #expect(forge.kind == .gitea)
        #expect(forge.client.hasToken)
        #expect("\(forge.client.repository)" == "acme/canvas")
        for repository in ["", "acme", "acme/canvas/x", "../x", "acme/..", "a b/c", "acme/canvas?x"] {
            #expect(throws: UsageError.self) {
                try ForgeOptions.parse(["--repository", repository]).forge(environment: Self.giteaRunner, web: web)
            }
        }
        #expect(throws: UsageError.self) {
            try ForgeOptions.parse(["--forge-token-file", folder.path("none"), "--repository", "a/b"])
                .forge(environment: Self.giteaRunner, web: web)
        }
        await web.close()
    }

    @Test(
        "A link is shown only if it is one, and without what may be secret",
        arguments: [
            ("https://a.example/x?token=y#z", "https://a.example/x"), ("/x/y?z", "https://web.example/x/y"),
            ("//a.example/x", nil), ("javascript:alert(1)", nil), ("https://u:p@a.example/", nil),
            ("https://a.example/\u{1B}[31m", nil), ("", nil), ("https://", nil),
        ])
    func links(text: String, shown: String?) {
        #expect(SafeLink.absolute(text, web: "https://web.example") == shown)
    }
}
