import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Registry

struct CredentialTests {
    private static let registry = "registry.example:5000"

    private func find(
        _ sources: CredentialSources, registry: String = registry, path: String = "team/canvas"
    ) async throws -> RegistryCredential? {
        try await sources.credential(registry: registry, path: path, within: .seconds(60))
    }

    private static func auths(_ key: String, _ user: String) -> String {
        let text = Data("\(user):pa:ss".utf8).base64EncodedString()
        return #"{"auths":{"\#(key)":{"auth":"\#(text)"}}}"#
    }

    @Test("Files are searched in the documented order, and the first with an entry counts")
    func order() async throws {
        let folder = try TemporaryFolder()
        for name in ["run/containers", "docker", "home/.docker"] { _ = try folder.makeFolder(name) }
        let files = [
            "flag.json", "env.json", "run/containers/auth.json", "docker/config.json", "home/.docker/config.json",
        ]
        let environment = [
            "REGISTRY_AUTH_FILE": folder.path("env.json"), "XDG_RUNTIME_DIR": folder.path("run"),
            "DOCKER_CONFIG": folder.path("docker"), "HOME": folder.path("home"),
        ]
        for (index, file) in files.enumerated() { try folder.write(file, Self.auths(Self.registry, "user\(index)")) }
        func user(_ flag: String? = nil, without names: Set<String> = []) async throws -> RegistryCredential? {
            let kept = environment.filter { !names.contains($0.key) }
            return try await find(CredentialSources(flag: flag, environment: kept))
        }
        func expected(_ index: Int) -> RegistryCredential { .password(user: "user\(index)", password: "pa:ss") }
        #expect(try await user(folder.path("flag.json")) == expected(0))
        #expect(try await user() == expected(1))
        #expect(try await user(without: ["REGISTRY_AUTH_FILE"]) == expected(2))
        #expect(try await user(without: ["REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"]) == expected(3))
        #expect(try await user(without: ["REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "DOCKER_CONFIG"]) == expected(4))
        #expect(try await user(without: Set(environment.keys)) == nil)
        try folder.write("flag.json", Self.auths("other.example", "other"))
        #expect(try await user(folder.path("flag.json")) == expected(1))
    }

    @Test("A missing default file is skipped; a named file that is unusable fails without showing its content")
    func homes() async throws {
        let folder = try TemporaryFolder()
        #expect(try await find(CredentialSources(flag: nil, environment: ["HOME": "/nowhere/at/all"])) == nil)
        #expect(try await find(CredentialSources(flag: nil, environment: [:])) == nil)
        let empty = try folder.write("empty.json", " \n")
        #expect(try await find(CredentialSources(flag: empty, environment: [:])) == nil)
        let broken = try folder.write("broken.json", #"{"auths":{"registry.example:5000":{"auth":"!s3cret!"}}}"#)
        for path in [folder.path("missing.json"), broken, try folder.write("text", "s3cret")] {
            let error = try await registryError {
                _ = try await find(CredentialSources(flag: path, environment: [:]))
            }
            #expect(error?.exitCode == 64)
            #expect(error?.description.contains(path) == true)
            #expect(error?.description.contains("s3cret") == false)
        }
    }

    @Test(
        "An entry is found under every name that clients use, the longest match first",
        arguments: [
            ("registry.example:5000", "team/canvas", "registry.example:5000", true),
            ("registry.example:5000", "team/canvas", "registry.example:5000/team", true),
            ("registry.example:5000", "team/canvas", "registry.example:5000/team/canvas", true),
            ("registry.example:5000", "team/canvas", "https://registry.example:5000/v2/", true),
            ("registry.example:5000", "team/canvas", "registry.example:5000/te", false),
            ("registry.example:5000", "team/canvas", "registry.example", false),
            ("registry.example:5000", "team/canvas", "registry.example:50", false),
            ("docker.io", "library/nginx", "https://index.docker.io/v1/", true),
            ("docker.io", "library/nginx", "docker.io", true),
            ("docker.io", "library/nginx", "https://docker.io.evil.example", false),
        ])
    func keys(registry: String, path: String, key: String, isFound: Bool) async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("auth.json", Self.auths(key, "user"))
        let found = try await find(
            CredentialSources(flag: file, environment: [:]), registry: registry, path: path)
        #expect((found != nil) == isFound)
    }

    @Test("The longest matching name counts")
    func longest() async throws {
        let folder = try TemporaryFolder()
        func auth(_ user: String) -> String { Data("\(user):p".utf8).base64EncodedString() }
        let file = try folder.write(
            "auth.json",
            #"{"auths":{"r.example":{"auth":"\#(auth("all"))"},"r.example/team":{"auth":"\#(auth("team"))"}}}"#)
        let sources = CredentialSources(flag: file, environment: [:])
        #expect(
            try await find(sources, registry: "r.example", path: "team/canvas")
                == .password(user: "team", password: "p"))
        #expect(
            try await find(sources, registry: "r.example", path: "other/canvas")
                == .password(user: "all", password: "p"))
    }

    @Test(
        "An entry is a password, an identity token or a registry token",
        arguments: [
            (#""auth":"dTpw""#, RegistryCredential.password(user: "u", password: "p")),
            (#""auth":"dTpwAAA=""#, .password(user: "u", password: "p")),
            (#""username":"u","password":"p""#, .password(user: "u", password: "p")),
            (#""auth":"dTo=","identitytoken":"i""#, .identityToken("i")),
            (#""registrytoken":"r""#, .registryToken("r")),
            ("", nil),
        ] as [(String, RegistryCredential?)])
    func entries(json: String, expected: RegistryCredential?) async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("auth.json", #"{"auths":{"\#(Self.registry)":{\#(json)}}}"#)
        #expect(try await find(CredentialSources(flag: file, environment: [:])) == expected)
    }

    @Test("Printing or dumping credentials shows no secret")
    func secrets() {
        let credentials: [Any] = [
            RegistryCredential.password(user: "u", password: "s3cret"), RegistryCredential.identityToken("s3cret"),
            RegistryCredential.registryToken("s3cret"), RegistryAuthorization.bearer("s3cret"),
            RegistryAuthorization.basic(user: "u", password: "s3cret"),
            TokenResponse(parsing: Array(#"{"token":"s3cret"}"#.utf8)) as Any,
        ]
        for value in credentials {
            var dumped = ""
            dump(value, to: &dumped)
            for text in ["\(value)", String(reflecting: value), dumped] {
                #expect(!text.contains("s3cret") && !text.contains("czNjcmV0"), "\(text.count) characters")
            }
        }
    }

    // MARK: - Helpers

    /// Creates a helper in a folder that is first in its PATH.
    private func helper(_ script: String, _ folder: TemporaryFolder, name: String = "made-up") throws -> [String:
        String]
    {
        let path = try folder.write("docker-credential-\(name)", "#!/bin/sh\n\(script)\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        return ["PATH": "\(folder.path):/usr/bin:/bin"]
    }

    @Test("A helper reads the host from standard input; a registry's own helper precedes the store")
    func asksHelper() async throws {
        let folder = try TemporaryFolder()
        let answer = #"[ "$1" = get ] && printf '{"ServerURL":"x","Username":"u","Secret":"%s"}' "$(cat)""#
        let environment = try helper(answer, folder)
        let own = try folder.write(
            "own.json", #"{"credsStore":"missing","credHelpers":{"\#(Self.registry)":"made-up"}}"#)
        #expect(
            try await find(CredentialSources(flag: own, environment: environment))
                == .password(user: "u", password: Self.registry))
        let store = try folder.write("store.json", #"{"credsStore":"made-up","auths":{"docker.io":{}}}"#)
        #expect(
            try await find(
                CredentialSources(flag: store, environment: environment), registry: "docker.io", path: "library/nginx")
                == .password(user: "u", password: "https://index.docker.io/v1/"))
    }

    @Test("A helper's user <token> marks an identity token; without credentials from it the entries count")
    func helperAnswers() async throws {
        let folder = try TemporaryFolder()
        let token = try helper(#"echo '{"Username":"<token>","Secret":"i"}'"#, folder)
        let file = try folder.write(
            "auth.json",
            #"{"credsStore":"made-up","auths":{"\#(Self.registry)":{"username":"u","password":"p"}}}"#)
        #expect(try await find(CredentialSources(flag: file, environment: token)) == .identityToken("i"))
        let none = try helper("echo credentials not found in native keychain; exit 1", folder)
        #expect(
            try await find(CredentialSources(flag: file, environment: none)) == .password(user: "u", password: "p"))
    }

    @Test(
        "A helper that fails or writes too much or nonsense is reported without its output",
        arguments: [
            ("echo s3cret; echo s3cret >&2; exit 3", "exit code 3"), ("cat /dev/zero", "more than"),
            ("head -c 70000 /dev/zero", "more than"),
            ("echo s3cret", "protocol"), ("kill -9 $$", "exit code 137"),
        ])
    func helperFaults(script: String, reason: String) async throws {
        let folder = try TemporaryFolder()
        let environment = try helper(script, folder)
        let file = try folder.write("auth.json", #"{"credsStore":"made-up"}"#)
        let error = try await registryError {
            _ = try await find(CredentialSources(flag: file, environment: environment))
        }
        #expect(error?.exitCode == 69)
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "none")")
        #expect(error?.description.contains("s3cret") == false)
    }

    @Test("A helper that hangs is killed with its child processes at the time limit")
    func helperHangs() async throws {
        let folder = try TemporaryFolder()
        let environment = try helper("echo $$ > \(folder.path("pid")); sleep 1000 & wait", folder)
        let file = try folder.write("auth.json", #"{"credsStore":"made-up"}"#)
        let sources = CredentialSources(flag: file, environment: environment)
        let error = try await registryError {
            _ = try await sources.credential(registry: Self.registry, path: "a", within: .seconds(1))
        }
        #expect(error?.description.contains("took longer than 1.0s") == true, "\(error?.description ?? "none")")
        let group = try #require(Int32(try folder.read("pid").trimmingCharacters(in: .whitespacesAndNewlines)))
        try await eventually("the helper and its child are gone") { kill(-group, 0) != 0 }
    }

    @Test(
        "A helper's name cannot be a path or an option",
        arguments: ["", "../evil", "a/b", "a b", "a;b", "$(x)", "a\nb", String(repeating: "a", count: 65)])
    func helperNames(name: String) async throws {
        #expect(CredentialHelper(name: name, environment: [:]) == nil)
    }

    @Test("A helper that is not installed is reported")
    func helperMissing() async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("auth.json", #"{"credsStore":"not-there"}"#)
        let error = try await registryError {
            _ = try await find(CredentialSources(flag: file, environment: ["PATH": folder.path]))
        }
        #expect(error?.exitCode == 69)
        #expect(error?.description.contains("docker-credential-not-there") == true)
    }
}
