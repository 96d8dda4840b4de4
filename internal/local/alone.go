package local

import (
	"context"
	"fmt"
)

// InvokeAlone runs one function once in the settings' world, with the resources
// of a deployment around it, but nothing else at work there.
func InvokeAlone(ctx context.Context, settings Settings, function string, payload []byte) ([]byte, error) {
	d := &Deployment{Settings: settings.withDefaults()}
	if err := d.check(); err != nil {
		return nil, err
	}
	if err := d.createResources(ctx); err != nil {
		return nil, err
	}
	endpoint, err := Serve(ctx, d.Listen, d.World)
	if err != nil {
		return nil, err
	}
	defer endpoint.Close()
	config, err := d.function(function, endpoint.URL)
	if err != nil {
		return nil, err
	}
	return invokeOnce(ctx, config, payload)
}

// InvokeAt runs one function once against the AWS at an endpoint, where
// templates, if there were any, are deployed already: it is run as without them.
func InvokeAt(ctx context.Context, settings Settings, endpoint, function string, payload []byte) ([]byte, error) {
	settings.Templates = nil
	config, err := settings.Function(function, endpoint)
	if err != nil {
		return nil, err
	}
	return invokeOnce(ctx, config, payload)
}

func invokeOnce(ctx context.Context, config FunctionConfig, payload []byte) ([]byte, error) {
	f, err := StartFunction(ctx, config)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	answer, err := f.Invoke(ctx, payload)
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("invoke %s: interrupted", config.Name)
	}
	return answer, err
}
