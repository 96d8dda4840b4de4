package cloudformation

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestOpenReadsTheManifest(t *testing.T) {
	manifest := `{"version":"48.0.0","artifacts":{
		"a-last":{"type":"aws:cloudformation:stack","environment":"aws://222222222222/eu-west-2","properties":{"templateFile":"a.json"},"dependencies":["b-first","a.assets"]},
		"b-first":{"type":"aws:cloudformation:stack","environment":"aws://222222222222/us-east-1","properties":{"templateFile":"b.json","stackName":"first"}},
		"c-source":{"type":"aws:cloudformation:stack","environment":"aws://111111111111/us-east-1","properties":{"templateFile":"a.json"}},
		"a.assets":{"type":"cdk:asset-manifest","properties":{"file":"a.assets.json"}},
		"Tree":{"type":"cdk:tree","properties":{"file":"tree.json"}}}}`
	files := fstest.MapFS{"manifest.json": {Data: []byte(manifest)}, "a.json": {Data: []byte("{}")}, "b.json": {Data: []byte("{}")}}
	assembly, err := Open(files)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range assembly.Stacks {
		got = append(got, strings.Join([]string{s.Name, s.Account, s.Region, s.File}, " "))
	}
	want := []string{"first 222222222222 us-east-1 b.json", "a-last 222222222222 eu-west-2 a.json", "c-source 111111111111 us-east-1 a.json"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stacks (-want +got):\n%s", diff)
	}
}

func TestOpenRefuses(t *testing.T) {
	stack := func(environment, more string) string {
		return `{"artifacts":{"home":{"type":"aws:cloudformation:stack","environment":"` + environment + `","properties":{"templateFile":"t.json"}` + more + `}}}`
	}
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"an empty folder":   {nil, "open the templates: there is neither manifest.json nor index.json: give the folder that `cdk synth` writes: "},
		"no stack":          {map[string]string{"manifest.json": `{"artifacts":{}}`}, "open the templates: there is no stack in them"},
		"no environment":    {map[string]string{"manifest.json": stack("aws://unknown-account/unknown-region", "")}, `the account "unknown-account"`},
		"no environment 2":  {map[string]string{"manifest.json": stack("", "")}, `manifest.json: stack home has the environment ""`},
		"another partition": {map[string]string{"manifest.json": stack("aws://222222222222/cn-north-1", "")}, `stack home is for the Region "cn-north-1"`},
		"a stage":           {map[string]string{"manifest.json": `{"artifacts":{"prod":{"type":"cdk:cloud-assembly"}}}`}, "manifest.json: prod is an assembly within the assembly"},
		"stacks in a circle": {map[string]string{"manifest.json": `{"artifacts":{
			"a":{"type":"aws:cloudformation:stack","environment":"aws://222222222222/us-east-1","properties":{"templateFile":"t.json"},"dependencies":["b"]},
			"b":{"type":"aws:cloudformation:stack","environment":"aws://222222222222/us-east-1","properties":{"templateFile":"t.json"},"dependencies":["a"]}}}`},
			"manifest.json: stacks need each other in a circle: a -> b -> a"},
		"a template that is missing": {map[string]string{"manifest.json": stack("aws://222222222222/us-east-1", "")}, "read the template of stack home: open t.json: "},
		"an index with a typo":       {map[string]string{"index.json": `{"stacks":[{"nmae":"x"}]}`}, `index.json: json: unknown field "nmae"`},
		"an index without names":     {map[string]string{"index.json": `{"stacks":[{"account":"222222222222","region":"us-east-1","template":"t.json"}]}`}, `stack "" has the template "t.json"`},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{}
			for file, data := range test.files {
				files[file] = &fstest.MapFile{Data: []byte(data)}
			}
			_, err := Open(fs.FS(files))
			if got := fmt.Sprint(err); !strings.Contains(got, test.want) {
				t.Errorf("got %q\nwant %q in it", got, test.want)
			}
		})
	}
}

func TestTemplatesThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ template, want string }{
		"not JSON":               {`{"Resources":`, "s.template.json: it is not JSON: it ends too early"},
		"not an object":          {`[]`, "s.template.json: it is not a JSON object"},
		"two objects":            {`{} {}`, "s.template.json: there is more after the JSON object"},
		"a name twice":           {`{"Resources":{"A":{},"A":{}}}`, `s.template.json: "A" stands there twice in one object`},
		"an unknown section":     {`{"Resource":{}}`, "s.template.json: Resource: it is not known what this means"},
		"a macro":                {`{"Transform":"AWS::Serverless-2016-10-31"}`, "s.template.json: Transform: macros are not simulated: give the template that they make"},
		"an unknown attribute":   {resources(`"A":{"Type":"AWS::SQS::Queue","Dependson":[]}`), "s.template.json: Resources: A: Dependson: it is not known what this means"},
		"no type":                {resources(`"A":{}`), "s.template.json: Resources: A: Type is missing"},
		"an unknown type":        {resources(`"A":{"Type":"AWS::EC2::VPC"}`), "s.template.json: A (AWS::EC2::VPC): resources of this type are not simulated"},
		"an unknown property":    {resources(`"A":{"Type":"AWS::SQS::Queue","Properties":{"QueName":"a"}}`), "s.template.json: A (AWS::SQS::Queue): QueName: the property is not simulated"},
		"a function for all":     {`{"Parameters":{"P":{"Type":"String","Default":"x"}},"Resources":{"A":{"Type":"AWS::SQS::Queue","Properties":{"Ref":"P"}}}}`, "s.template.json: A (AWS::SQS::Queue): Properties: x is not an object"},
		"DependsOn nothing":      {resources(`"A":{"Type":"AWS::SQS::Queue","DependsOn":"B"}`), "s.template.json: Resources: A: DependsOn: there is no resource B"},
		"a circle":               {resources(`"A":{"Type":"AWS::SQS::Queue","DependsOn":"B"},"B":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":{"Fn::Sub":"${A.QueueName}-b"}}}`), "s.template.json: Resources: resources need each other in a circle: A -> B -> A"},
		"an unknown parameter":   {`{"Parameters":{"P":{"Type":"AWS::EC2::VPC::Id"}}}`, `s.template.json: Parameters: P: parameters of type "AWS::EC2::VPC::Id" are not simulated`},
		"an output without":      {`{"Outputs":{"O":{"Description":"x"}}}`, "s.template.json: Outputs: O: Value is missing"},
		"a function in company":  {resources(`"A":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":{"Fn::Sub":"a","x":1}}}`), "s.template.json: A (AWS::SQS::Queue): QueueName: Fn::Sub: a function stands alone in its object"},
		"an unknown function":    {resources(`"A":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":{"Fn::Cidr":["10.0.0.0/8",1,1]}}}`), "s.template.json: A (AWS::SQS::Queue): QueueName: Fn::Cidr: the function is not simulated"},
		"two exports of a name":  {`{"Outputs":{"A":{"Value":"1","Export":{"Name":"n"}},"B":{"Value":"2","Export":{"Name":"n"}}}}`, `s.template.json: Outputs: B: another stack exports "n" already`},
		"what Amazon refuses":    {resources(`"A":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"a b"}}`), "s.template.json: A (AWS::SQS::Queue): create queue a b: CreateQueue: InvalidParameterValueException (400): Can only include"},
		"an idle type's mistake": {resources(`"A":{"Type":"AWS::CloudWatch::Alarm","Properties":{"AlarmActions":[{"Ref":"Topic"}]}}`), "s.template.json: A (AWS::CloudWatch::Alarm): AlarmActions: 0: Ref: there is no parameter or resource Topic"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := failure(t, test.template); !strings.HasPrefix(got, test.want) {
				t.Errorf("got %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestIdleTypesHaveReasons(t *testing.T) {
	_, d := mustDeploy(t, "s", resources(`"A":{"Type":"AWS::SNS::Topic","Properties":{"TopicName":"people"}},
		"B":{"Type":"AWS::CDK::Metadata"}`, `"Topic":{"Value":{"Ref":"A"}}`))
	want := []Idle{{"s", "A", "AWS::SNS::Topic", noSNS}, {"s", "B", "AWS::CDK::Metadata", "it tells Amazon which constructs are used"}}
	if diff := cmp.Diff(want, d.Idle); diff != "" {
		t.Errorf("idle (-want +got):\n%s", diff)
	}
	if got, want := d.Outputs["s"]["Topic"], "arn:aws:sns:us-east-1:222222222222:people"; got != want {
		t.Errorf("Ref of a topic: got %s, want %s", got, want)
	}
	for kind, idle := range idles {
		if _, created := creators[kind]; created || idle.reason == "" {
			t.Errorf("%s: created and idle, or without a reason", kind)
		}
	}
}

func TestResourcesAreMadeInTheOrderOfTheirNeeds(t *testing.T) {
	queue := func(id, properties, more string) string {
		return fmt.Sprintf(`%q:{"Type":"AWS::SQS::Queue","Properties":{"QueueName":%q%s}%s}`, id, id, properties, more)
	}
	tmpl, err := readTemplate([]byte(resources(strings.Join([]string{
		queue("A", `,"RedrivePolicy":{"deadLetterTargetArn":{"Fn::GetAtt":["C","Arn"]},"maxReceiveCount":3}`, ""),
		queue("B", "", `,"DependsOn":["D"]`),
		queue("C", `,"Tags":[{"Key":"k","Value":{"Fn::Join":["-",["x",{"Ref":"B"}]]}}]`, ""),
		queue("D", `,"Tags":[{"Key":"k","Value":{"Fn::Sub":["${E.Arn} ${own}",{"own":{"Fn::GetAtt":"F.Arn"}}]}}]`, ""),
		queue("E", "", ""), queue("F", "", ""),
	}, ","))))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"E", "F", "D", "B", "C", "A"}; !slices.Equal(tmpl.order, want) {
		t.Errorf("got %v, want %v", tmpl.order, want)
	}
}
