import Shared
import Support

/// Scripts for the fake engine. Most tests use one container `canvas-1` of the Compose service `canvas`, pulled by tag.
enum EngineScripts {
    static let reference = "registry.example/canvas:latest"
    static let composeLabels = ["com.docker.compose.service": "canvas"]

    static var classic: FakeEngineScript {
        FakeEngineScript(
            .classic,
            containers: [
                .init(
                    id: Samples.id("1"), name: "canvas-1", labels: composeLabels, typedImage: reference,
                    imageID: Samples.digestText("c")),
                .init(
                    id: Samples.id("2"), name: "db", labels: ["com.docker.compose.service": "db"],
                    typedImage: "postgres:16",
                    imageID: Samples.digestText("9")),
            ],
            images: [
                .init(
                    id: Samples.digestText("c"), tags: [reference],
                    repoDigests: ["registry.example/canvas@" + Samples.digestText("d")], labels: Samples.revision)
            ])
    }

    static var podman: FakeEngineScript {
        var script = classic
        script.kind = .podman
        script.containers[0].libpodImageDigest = Samples.digestText("d")
        return script
    }

    static var containerd: FakeEngineScript {
        var script = classic
        script.kind = .containerd
        script.apiVersion = "1.52"
        script.containers[0].manifestDescriptor =
            #"{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"\#(Samples.digestText("e"))","platform":{"os":"linux","architecture":"amd64"}}"#
        script.images[0].descriptor =
            #"{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"\#(Samples.digestText("c"))"}"#
        return script
    }
}
