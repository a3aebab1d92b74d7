import Shared

/// The containers and images of a fake engine, which answers like one kind of engine.
///
/// Field names and shapes follow recorded answers of Docker 20.10 (classic) and Podman 4.3. The answers of an engine
/// with the containerd store are not recorded; they follow moby's source.
public struct FakeEngineScript: Sendable {
    public enum Kind: Sendable { case classic, containerd, podman }

    public struct Container: Sendable {
        /// 64 hexadecimal digits.
        public var id: String
        public var name: String
        public var labels: [String: String]
        /// `.Config.Image`.
        public var typedImage: String
        /// `.Image`, with `sha256:`.
        public var imageID: String
        /// The members of `.State`.
        public var state: String
        public var restartCount: Int
        /// `.ImageManifestDescriptor`; containerd only.
        public var manifestDescriptor: String?
        /// `.ImageDigest`; Podman only.
        public var libpodImageDigest: String
        /// `.Created` of the inspection; nil to omit it.
        public var created: String?
        /// `.Created` of the list, in seconds since 1970; nil to omit it.
        public var listedCreated: Int?
        /// `.HostConfig.RestartPolicy.Name`.
        public var restartPolicy = "no"
        /// `.IsInfra`; Podman only.
        public var isInfrastructure = false

        public init(
            id: String, name: String, labels: [String: String] = [:], typedImage: String, imageID: String,
            state: String = FakeEngineScript.running, restartCount: Int = 0, manifestDescriptor: String? = nil,
            libpodImageDigest: String = "", created: String? = nil
        ) {
            self.id = id
            self.name = name
            self.labels = labels
            self.typedImage = typedImage
            self.imageID = imageID
            self.state = state
            self.restartCount = restartCount
            self.manifestDescriptor = manifestDescriptor
            self.libpodImageDigest = libpodImageDigest
            self.created = created
        }
    }

    public struct Image: Sendable {
        public var id: String
        /// The tagged references to the image.
        public var tags: [String]
        public var repoDigests: [String]?
        public var labels: [String: String]
        /// `.Descriptor`; containerd only.
        public var descriptor: String?

        public init(
            id: String, tags: [String] = [], repoDigests: [String]? = nil, labels: [String: String] = [:],
            descriptor: String? = nil
        ) {
            self.id = id
            self.tags = tags
            self.repoDigests = repoDigests
            self.labels = labels
            self.descriptor = descriptor
        }
    }

    public static let running = """
        "Status":"running","Running":true,"Paused":false,"Restarting":false,"OOMKilled":false,"Dead":false,"ExitCode":0,\
        "StartedAt":"2026-11-20T10:00:00.123456789Z","FinishedAt":"0001-01-01T00:00:00Z"
        """

    public var kind: Kind
    public var apiVersion: String
    public var containers: [Container]
    public var images: [Image]
    /// Answers by target without its version. They take precedence over the containers and images.
    public var overrides: [String: FakeEngineAnswer] = [:]
    /// One-time answers by target, in order. They take precedence over everything else.
    public var once: [String: [FakeEngineAnswer]] = [:]

    public init(_ kind: Kind, apiVersion: String? = nil, containers: [Container] = [], images: [Image] = []) {
        self.kind = kind
        self.apiVersion = apiVersion ?? (kind == .containerd ? "1.52" : "1.41")
        self.containers = containers
        self.images = images
    }

    mutating func answer(target: String) -> FakeEngineAnswer {
        var path = target
        let prefix = "/v\(apiVersion)/"
        if path.hasPrefix(prefix) { path = String(path.dropFirst(prefix.count - 1)) }
        // Without the query: the fake does not filter events.
        if path.hasPrefix("/events?") { path = "/events" }
        if var scripted = once[path], !scripted.isEmpty {
            let first = scripted.removeFirst()
            once[path] = scripted
            return first
        }
        return overrides[path] ?? truth(path, isVersioned: path != target)
    }

    private func truth(_ path: String, isVersioned: Bool) -> FakeEngineAnswer {
        switch path {
        case "/_ping":
            let podman = kind == .podman ? ["Libpod-API-Version": "4.3.1"] : [:]
            return .plain("OK", headers: ["Api-Version": apiVersion].merging(podman) { $1 })
        case "/info" where isVersioned: return .json(info)
        case "/events" where isVersioned: return .stream
        case "/containers/json?all=1" where isVersioned:
            return .json("[\(containers.map(listed).joined(separator: ","))]")
        default: break
        }
        if let id = Self.middle(of: path, "/containers/", "/json"), isVersioned {
            return containers.first { $0.id == id }.map { .json(inspection($0)) } ?? .status(404)
        }
        if let name = Self.middle(of: path, "/images/", "/json"), isVersioned {
            return images.first { $0.id == name || $0.tags.contains(name) }.map { .json(inspection($0)) }
                ?? .status(404)
        }
        if kind == .podman, let id = Self.middle(of: path, "/v4.0.0/libpod/containers/", "/json") {
            return containers.first { $0.id == id }.map {
                .json(
                    "{\"Id\":\"\($0.id)\",\"ImageDigest\":\"\($0.libpodImageDigest)\",\"IsInfra\":\($0.isInfrastructure)}"
                )
            }
                ?? .status(404)
        }
        return .status(404)
    }

    /// True if an agent may request the target. This is the complete list of its requests to engines.
    static func isPermitted(_ target: String) -> Bool {
        let version = #/^/v1\.[0-9]+/#
        let rest = target.replacing(version, with: "", maxReplacements: 1)
        let id = #/[0-9a-f]{64}/#
        if ["/_ping", "/info", "/containers/json?all=1"].contains(rest) || rest.hasPrefix("/events?filters=") {
            return true
        }
        if let container = middle(of: rest, "/containers/", "/json") { return container.wholeMatch(of: id) != nil }
        if let image = middle(of: rest, "/images/", "/json") {
            return image.wholeMatch(of: #/[A-Za-z0-9._:\/-]+/#) != nil && !image.contains("..")
        }
        let platform = #/sha256:[0-9a-f]{64}\/json\?platform=%7B[A-Za-z0-9%._-]+%7D/#
        if rest.hasPrefix("/images/"), rest.dropFirst(8).wholeMatch(of: platform) != nil { return true }
        guard target.hasPrefix("/v4.0.0/libpod") else { return false }
        let libpod = middle(of: target, "/v4.0.0/libpod/containers/", "/json") ?? ""
        return libpod.wholeMatch(of: id) != nil
    }

    private static func middle(of path: String, _ prefix: String, _ suffix: String) -> String? {
        guard path.hasPrefix(prefix), path.hasSuffix(suffix), path.utf8.count > prefix.utf8.count + suffix.utf8.count
        else { return nil }
        return String(path.dropFirst(prefix.count).dropLast(suffix.count))
    }

    private var info: String {
        switch kind {
        case .classic:
            #"{"ID":"x","Driver":"overlay2","DriverStatus":[["Backing Filesystem","extfs"]],"ServerVersion":"20.10.24","OSType":"linux","Architecture":"x86_64"}"#
        case .containerd:
            #"{"Driver":"overlayfs","DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]],"ServerVersion":"29.0.1","OSType":"linux","Architecture":"x86_64"}"#
        case .podman:
            #"{"Driver":"vfs","DriverStatus":[["Backing Filesystem","extfs"]],"ServerVersion":"4.3.1","OSType":"linux","Architecture":"amd64"}"#
        }
    }

    /// Docker's list shows the image's id once the typed tag refers to another image.
    private func listed(_ container: Container) -> String {
        let isMoved = images.contains { $0.tags.contains(container.typedImage) && $0.id != container.imageID }
        return """
            {"Id":"\(container.id)","Names":["/\(container.name)"],\
            "Image":"\(isMoved ? container.imageID : container.typedImage)","ImageID":"\(container.imageID)",\
            "Command":"secret-command",\(container.listedCreated.map { "\"Created\":\($0)," } ?? "")\
            "Labels":\(Self.object(container.labels)),"State":"running"}
            """
    }

    private func inspection(_ container: Container) -> String {
        let descriptor = container.manifestDescriptor.map { ",\"ImageManifestDescriptor\":\($0)" } ?? ""
        let created = container.created.map { "\"Created\":\"\($0)\"," } ?? ""
        return """
            {"Id":"\(container.id)","Name":"/\(container.name)","Image":"\(container.imageID)",\(created)\
            "HostConfig":{"RestartPolicy":{"Name":"\(container.restartPolicy)"},"Binds":["/secret-bind:/x"]},\
            "RestartCount":\(container.restartCount),"Path":"/secret-path","Args":["--password=hunter2"],\
            "State":{\(container.state)},"Mounts":[{"Source":"/secret-mount"}],\
            "Config":{"Image":"\(container.typedImage)","Env":["TOKEN=hunter2"],"Labels":\(Self.object(container.labels))}\
            \(descriptor)}
            """
    }

    private func inspection(_ image: Image) -> String {
        let digests = image.repoDigests.map { "[\($0.map { "\"\($0)\"" }.joined(separator: ","))]" } ?? "null"
        let descriptor = image.descriptor.map { ",\"Descriptor\":\($0)" } ?? ""
        return """
            {"Id":"\(image.id)","RepoTags":[\(image.tags.map { "\"\($0)\"" }.joined(separator: ","))],\
            "RepoDigests":\(digests),"Architecture":"amd64","Os":"linux",\
            "Config":{"Env":["TOKEN=hunter2"],"Labels":\(Self.object(image.labels))}\(descriptor)}
            """
    }

    private static func object(_ members: [String: String]) -> String {
        "{" + members.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\"\($0.value)\"" }.joined(separator: ",") + "}"
    }
}
